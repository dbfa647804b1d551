// Elements, words and numbers. Text is always text here: nothing that a CSMS or a card says is markup.

export const language = document.documentElement.lang;
let phrases = {};
let catalogue = {};
export function say(texts) { phrases = texts.phrases; catalogue = texts.catalogue; }

export function t(key, fields = {}) {
  const text = phrases[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in fields ? String(fields[name]) : whole));
}
export function title(id) { return catalogue[id]?.title ?? id; }
export function remedy(id) { return catalogue[id]?.remedy ?? ""; }

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function number(value, digits = 1, unit = "") {
  if (value === null || value === undefined) return t("web.unknown");
  const text = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  return unit ? `${text} ${unit}` : text;
}
export function time(iso) {
  if (!iso) return t("web.unknown");
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" }).format(at);
}
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return t("web.unknown");
  const whole = Math.floor(seconds);
  if (whole < 120) return t("web.seconds", { count: whole });
  if (whole < 7200) return t("web.minutes", { count: Math.floor(whole / 60) });
  if (whole < 172800) return t("web.hours", { count: Math.floor(whole / 3600) });
  return t("web.days", { count: Math.floor(whole / 86400) });
}
export function bytes(value) {
  if (value === null || value === undefined) return t("web.unknown");
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let left = value;
  while (left >= 1000 && step < units.length - 1) { left /= 1000; step += 1; }
  return number(left, step ? 1 : 0, units[step]);
}

export function table(caption, columns, rows, empty = t("web.none")) {
  if (!rows.length) return h("section", { class: "card" }, h("h2", {}, caption), h("p", { class: "dim" }, empty));
  // Roles, because a narrow screen shows each row as a block and the browser then forgets that it is one.
  const head = h("tr", { role: "row" }, columns.map(([name, kind]) => h("th", { scope: "col", role: "columnheader", class: kind }, name)));
  const body = rows.map((row) => h("tr", { role: "row", class: row.tone }, (row.cells ?? row).map((cell, at) => h("td", { role: "cell", class: columns[at][1], "data-label": columns[at][0] }, cell))));
  return h("section", { class: "card" },
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      h("table", { role: "table" }, h("caption", {}, caption), h("thead", { role: "rowgroup" }, head), h("tbody", { role: "rowgroup" }, body))));
}

export function button(text, act, kind = "") {
  const made = h("button", { type: "button", class: kind }, text);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try { await act(); } catch (error) { notice(error.message, true); } finally { made.disabled = false; }
  });
  return made;
}

export function notice(text, bad = false) {
  const place = document.getElementById("notice");
  place.textContent = text;
  place.classList.toggle("bad", bad);
}

// A question with an answer by a person; resolves to whether it was yes.
export function confirm(heading, body, yes) {
  const dialog = document.getElementById("dialog");
  document.getElementById("dialog-title").textContent = heading;
  document.getElementById("dialog-body").replaceChildren(...[body].flat());
  document.getElementById("dialog-yes").textContent = yes ?? heading;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function field(label, input) {
  input.id ||= `field-${Math.random().toString(36).slice(2)}`;
  return h("p", {}, h("label", { for: input.id }, label), input);
}

export function download(name, data) {
  const url = URL.createObjectURL(data);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
