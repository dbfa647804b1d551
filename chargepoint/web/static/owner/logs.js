// The log, filtered and followed, and what people did.

import { follow, get } from "./api.js";
import { h, notice, t, table, time, title } from "./dom.js";

const ROWS_MAX = 500;
const TONES = { warning: "warn", error: "bad", critical: "bad" };

export async function logs(view) {
  const level = h("select", {}, ["debug", "info", "warning", "error"].map((each) => h("option", { value: each, selected: each === "info" }, t(`web.loglevel.${each}`))));
  const event = h("input", { maxlength: "100", placeholder: "csms." });
  const going = h("input", { type: "checkbox" });
  const place = h("div", { class: "log" });
  let stop = () => {};
  const query = (last) => `last=${last}&level=${level.value}&event=${encodeURIComponent(event.value)}`;
  const row = (line) => h("tr", {}, h("td", {}, time(line.at)), h("td", { class: TONES[line.level] ?? "" }, line.level), h("td", {}, line.part),
    h("td", { title: title(line.event) }, line.event), h("td", { class: "text" }, Object.entries(line.fields).map(([name, value]) => `${name}=${value}`).join("  ")));
  async function show() {
    stop();
    const lines = await get(`/api/log?${query(200)}`);
    const made = table(t("web.log"), [[t("web.column.time"), ""], [t("web.column.level"), ""], [t("web.column.part"), ""], [t("web.column.event"), ""], [t("web.column.detail"), "text"]], [["", "", "", "", ""]]);
    const body = made.querySelector("tbody");
    body.replaceChildren(...lines.reverse().map(row));
    place.replaceChildren(made);
    if (!going.checked) return;
    stop = follow(`/api/log/events?${query(1)}`, {
      line: (line) => { body.prepend(row(line)); while (body.childElementCount > ROWS_MAX) body.lastElementChild.remove(); },
      lost: ({ error }) => notice(error, true),
    });
  }
  for (const input of [level, event, going]) input.addEventListener("change", () => show().catch((error) => notice(error.message, true)));
  view.replaceChildren(h("p", { class: "buttons" },
    h("label", { class: "inline" }, t("web.column.level"), level), h("label", { class: "inline" }, t("web.column.event"), event), h("label", { class: "inline" }, going, t("web.follow"))), place);
  await show();
  return () => stop();
}

export async function audit(view) {
  const lines = await get("/api/audit?last=500");
  view.replaceChildren(table(t("web.view.audit"), [[t("web.column.time"), ""], [t("web.column.person"), ""], [t("web.column.action"), ""], [t("web.column.detail"), "text"], [t("web.column.outcome"), "text"]],
    lines.map((one) => [time(one.at), one.by ? `${one.by} (${one.user})` : one.user, one.action, one.detail, h("span", { class: one.ok ? "good" : "bad" }, one.outcome || t(one.ok ? "web.yes" : "web.no"))])));
}
