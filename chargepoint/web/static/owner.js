// The owner's area: login, navigation, and one module for each view.

import { get, onLoggedOut, post, visitor } from "./owner/api.js";
import { h, language, notice, say, t } from "./owner/dom.js";
import { overview, summary } from "./owner/overview.js";
import { books } from "./owner/books.js";
import { cards } from "./owner/cards.js";
import { alerts } from "./owner/alerts.js";
import { service } from "./owner/service.js";
import { settings } from "./owner/settings.js";
import { audit, logs } from "./owner/logs.js";
import { accounts } from "./owner/accounts.js";

const VIEWS = { overview, books, cards, alerts, service, settings, logs, audit, accounts };
const SUMMARY_EVERY_MS = 10000;
const by = (id) => document.getElementById(id);
let leave = () => {};

async function start() {
  say(await get(`/api/phrases?lang=${language}`));
  Object.assign(visitor, await get("/api/session"));
  onLoggedOut(() => { visitor.account = ""; show(); notice(t("web.logged_out")); });
  by("login").addEventListener("submit", login);
  by("logout").addEventListener("click", logout);
  window.addEventListener("hashchange", () => open(true));
  for (const link of document.querySelectorAll("[data-language]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.cookie = `language=${link.dataset.language}; path=/; max-age=31536000; SameSite=Strict`;
      location.search = `?lang=${link.dataset.language}`;
    });
  }
  setInterval(refresh, SUMMARY_EVERY_MS);
  show();
}

// Login, first steps, or the views: whatever the visitor may see.
function show() {
  leave();
  leave = () => {};
  const inside = Boolean(visitor.account);
  by("closed").hidden = visitor.area_open;
  by("first").hidden = inside || !visitor.area_open || visitor.accounts;
  by("login").hidden = inside || !visitor.area_open || !visitor.accounts;
  by("person").hidden = by("views").hidden = !inside;
  by("view").replaceChildren();
  by("summary").replaceChildren();
  if (!inside) { by("heading").textContent = t("web.login"); return; }
  by("account").textContent = `${visitor.account} (${t(`web.role.${visitor.role}`)})`;
  by("views").replaceChildren(h("ul", {}, Object.keys(VIEWS).map((name) => h("li", {}, h("a", { href: `#${name}` }, t(`web.view.${name}`))))));
  open(false);
  refresh();
}

async function open(moved) {
  if (!visitor.account) return;
  leave();
  leave = () => {};
  const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "overview";
  for (const link of by("views").querySelectorAll("a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  by("heading").textContent = t(`web.view.${name}`);
  document.title = `${t(`web.view.${name}`)} · ${visitor.station}`;
  notice("");
  if (moved) by("main").focus();
  // Each view draws into a place of its own, so that a late answer cannot end up in the next view.
  const view = h("div", { class: "stack" });
  by("view").replaceChildren(view);
  try {
    const left = (await VIEWS[name](view)) ?? (() => {});
    if (view.isConnected) leave = left;
    else left();
  } catch (error) { notice(error.message, true); }
}

async function refresh() {
  if (!visitor.account || document.hidden) return;
  try { summary(await get("/api/status", { background: true }), by("summary")); } catch { /* shown by the views */ }
}

async function login(event) {
  event.preventDefault();
  const form = event.target;
  by("login-error").textContent = "";
  try {
    Object.assign(visitor, await post("/api/login", { account: form.account.value.trim(), password: form.password.value }));
    form.reset();
    say(await get(`/api/phrases?lang=${language}`));
    show();
    notice("");
    by("main").focus();
  } catch (error) { by("login-error").textContent = error.code === 401 ? t("web.login_wrong") : error.code === 429 ? t("web.login_wait") : error.message; }
}

async function logout() {
  try { await post("/api/logout"); } catch { /* the session is over in any case */ }
  Object.assign(visitor, await get("/api/session"));
  show();
}

start().catch((error) => notice(error.message, true));
