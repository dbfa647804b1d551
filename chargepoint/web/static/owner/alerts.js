// Alerts: acknowledge, mute, maintenance mode, and a test of each contact.

import { get, post } from "./api.js";
import { button, confirm, duration, field, h, language, notice, t, table, time } from "./dom.js";

const TONES = { critical: "bad", error: "bad", warning: "warn", info: "" };

export async function alerts(view) {
  const [found, contacts] = await Promise.all([get(`/api/alerts?closed=50&lang=${language}`), get("/api/contacts")]);
  const open = found.filter((one) => one.open);
  const again = () => alerts(view);
  const columns = [[t("web.column.code"), ""], [t("web.column.severity"), ""], [t("web.column.what"), "text"], [t("web.column.since"), ""], [t("web.column.sent"), "text"], [t("web.column.action"), ""]];
  view.replaceChildren(
    h("p", { class: "buttons" },
      open.length ? button(t("web.acknowledge_all"), async () => { await post("/api/alerts/acknowledge", { alert: "*" }); await again(); }) : "",
      button(t("web.maintenance_mode"), () => maintenance(again))),
    table(t("web.alerts_open"), columns, open.map((one) => row(one, again)), t("web.no_alerts")),
    table(t("web.alerts_closed"), columns, found.filter((one) => !one.open).map((one) => row(one, again))),
    table(t("web.contacts"), [[t("web.column.contact"), ""], [t("web.column.role"), ""], [t("web.column.channels"), "text"], [t("web.column.action"), ""]],
      contacts.map((one) => [one.contact, t(`web.role.${one.role}`), one.channels.join(", ") || t("web.none"), button(t("web.try"), () => tried(one))]), t("web.no_contacts")),
  );
}

function row(one, again) {
  const acts = [];
  if (one.open && !one.acknowledged_by) acts.push(button(t("web.acknowledge"), async () => { await post("/api/alerts/acknowledge", { alert: one.alert }); await again(); }));
  if (one.open) acts.push(button(t(one.muted ? "web.unmute" : "web.mute"), () => mute(one, again)));
  return [
    one.alert, h("span", { class: TONES[one.severity] }, t(`severity.${one.severity}`)),
    [h("strong", {}, one.title), one.place ? ` · ${one.place}` : "", one.count > 1 ? ` · ${t("web.times", { count: one.count })}` : "", h("br"), one.detail,
      one.reminded ? ` · ${t("web.reminded", { count: one.reminded })}` : "",
      one.acknowledged_by ? h("p", { class: "good" }, t("web.acknowledged_by", { name: one.acknowledged_by })) : ""],
    [one.raised_at ? time(one.raised_at) : t("web.before", { time: duration(one.age_s) }), one.cleared_at ? [h("br"), t("web.until", { time: time(one.cleared_at) })] : ""].flat(),
    one.deliveries.length ? sent(one.deliveries) : t("web.none"),
    acts.length ? h("p", { class: "buttons" }, acts) : "",
  ];
}

// What became of the messages: how many, and all of them on demand; at once where one was in vain.
function sent(deliveries) {
  const bad = deliveries.some((each) => each.state === "failed" || each.state === "expired");
  const lines = deliveries.map((each) => h("li", { class: each.state === "failed" || each.state === "expired" ? "bad" : "" },
    `${t(`web.delivery.about.${each.about}`)}: ${each.contact}, ${each.channel}: ${t(`web.delivery.${each.state}`)}${why(each)}`));
  const states = [...new Set(deliveries.map((each) => each.state))];
  const counts = states.map((state) => `${deliveries.filter((each) => each.state === state).length} ${t(`web.delivery.${state}`)}`).join(", ");
  return h("details", { open: bad }, h("summary", {}, counts), h("ul", { class: "why" }, lines));
}

function why(delivery) {
  const said = delivery.waits_for ? t(`web.delivery.waits.${delivery.waits_for}`) : delivery.detail;
  return said ? ` (${said})` : "";
}

async function mute(one, again) {
  const hours = h("input", { type: "number", min: "0", max: "720", step: "1", value: one.muted ? "0" : "4" });
  if (!(await confirm(t("web.mute"), [h("p", {}, t("web.mute_about", { what: one.title })), field(t("web.mute_hours"), hours)], t("web.set")))) return;
  await post("/api/alerts/mute", { condition: one.condition, minutes: Number(hours.value) * 60 });
  await again();
}

async function maintenance(again) {
  const hours = h("input", { type: "number", min: "0", max: "720", step: "0.5", value: "2" });
  if (!(await confirm(t("web.maintenance_mode"), [h("p", {}, t("web.maintenance_about")), field(t("web.mute_hours"), hours)], t("web.set")))) return;
  await post("/api/alerts/maintenance", { minutes: Number(hours.value) * 60 });
  notice(t("web.done"));
  await again();
}

async function tried(contact) {
  notice(t("web.trying"));
  const outcomes = await post("/api/alerts/test", { contact: contact.contact });
  const bad = outcomes.filter((one) => !one.ok);
  notice(outcomes.map((one) => `${one.channel}: ${one.ok ? t("web.works") : one.detail}`).join("; ") || t("web.no_channels"), bad.length > 0);
}
