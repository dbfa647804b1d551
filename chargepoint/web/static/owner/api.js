// Calls of the API. Everything that changes something carries the session's token.

export const visitor = { account: "", role: "", csrf: "" };

export class Refused extends Error {
  constructor(code, text) {
    super(text);
    this.code = code;
  }
}

let loggedOut = () => {};
export function onLoggedOut(call) { loggedOut = call; }

export async function get(path, { background = false } = {}) {
  const response = await fetch(path, { headers: background ? { "X-Background": "1" } : {} });
  return (await checked(response)).json();
}

export async function post(path, body, signal) { return (await send("POST", path, body, signal)).json(); }
export async function remove(path) { return (await send("DELETE", path)).json(); }
export async function blob(path) { return (await send("POST", path)).blob(); }

async function send(method, path, body, signal) {
  const headers = { "X-CSRF-Token": visitor.csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  return checked(response);
}

async function checked(response) {
  if (response.ok) return response;
  let text = response.statusText;
  try { text = (await response.json()).error || text; } catch { /* no JSON: the status must do */ }
  if (response.status === 401 && visitor.account) loggedOut();
  throw new Refused(response.status, text);
}

// Server-sent events until `stop()`; the browser reconnects by itself.
export function follow(path, handlers, lost) {
  const source = new EventSource(path);
  for (const [name, handler] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
  }
  source.addEventListener("logged_out", () => { source.close(); loggedOut(); });
  source.addEventListener("error", () => lost && lost());
  return () => source.close();
}
