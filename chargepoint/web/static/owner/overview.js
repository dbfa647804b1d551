// The station now: one card for it, one for each EVSE, updated in place so that the focus stays.

import { follow, get, post } from "./api.js";
import { button, confirm, duration, field, h, language, notice, number, t, title } from "./dom.js";
import { plot, QUANTITIES } from "./plot.js";

const PLOT_EVERY_MS = 5000;
const STATE_TONES = { Available: "good", Faulted: "bad", Unavailable: "warn", Reserved: "warn", SuspendedEV: "warn", SuspendedEVSE: "warn" };

export function overview(view) {
  const station = stationCard();
  const cards = h("div", { class: "cards" }, station.element);
  const evses = new Map();
  view.append(cards);
  function show(look) {
    notice(look.status ? "" : t("web.agent_lost"), !look.status);
    if (look.status) station.update(look.status);
    for (const evse of parts(look)) {
      if (!evses.has(evse.evse)) {
        evses.set(evse.evse, evseCard(evse.evse));
        cards.append(evses.get(evse.evse).element);
      }
      evses.get(evse.evse).update(evse, look.why.filter((why) => why.evse === evse.evse));
    }
  }
  const stop = follow(`/api/live?lang=${language}`, { look: show }, () => notice(t("web.connection_lost"), true));
  const timer = setInterval(() => { for (const card of evses.values()) card.draw(); }, PLOT_EVERY_MS);
  return () => { stop(); clearInterval(timer); };
}

// What the agent says, or while it is away what the safety programs say.
function parts(look) {
  if (look.status) return look.status.evses;
  return look.evses.map((control) => ({
    evse: control.evse, state: "", fault: null, control, meter: look.meters[control.evse] ?? null,
    transaction: null, enabled: null, local_limit_a: null, counts: null,
  }));
}

// A list of figures whose texts are replaced, and not its elements.
function figures(names) {
  const places = {};
  const list = h("dl", { class: "figures" }, names.map((name) => {
    places[name] = h("dd");
    return h("div", {}, h("dt", {}, t(`web.figure.${name}`)), places[name]);
  }));
  return { list, set: (name, text) => { if (places[name].textContent !== text) places[name].textContent = text; } };
}

function stationCard() {
  const shown = figures(["csms", "version", "waiting", "refused", "oldest", "clock", "uptime", "alerts", "software"]);
  const problem = h("p", { class: "warn" });
  const warnings = h("ul", { class: "why warn" });
  let connected = true;
  const link = button("", async () => {
    const text = t(connected ? "web.csms.disconnect" : "web.csms.connect");
    if (!(await confirm(text, h("p", {}, t(connected ? "web.csms.disconnect_about" : "web.csms.connect_about"))))) return;
    await post("/api/csms", { connected: !connected });
  });
  const element = h("section", { class: "card", "aria-labelledby": "station-title" },
    h("h2", { id: "station-title" }, t("web.station")), shown.list, problem, warnings, h("p", { class: "buttons" }, link));
  function update(status) {
    const { csms, ledger, alerts } = status;
    shown.set("csms", t(`web.csms.${csms.state}`));
    shown.set("version", csms.version || "–");
    shown.set("waiting", number(ledger.waiting, 0));
    shown.set("refused", number(ledger.quarantined, 0));
    shown.set("oldest", !csms.configured || ledger.waiting === 0 ? t("web.none_of_it") : duration(ledger.oldest_waiting_s));
    shown.set("clock", t(`web.clock.${status.clock}`));
    shown.set("uptime", duration(status.uptime_s));
    shown.set("alerts", alerts ? number(alerts.open, 0) : t("web.unknown"));
    shown.set("software", status.version);
    problem.textContent = csms.state === "accepted" ? "" : [csms.last_error, csms.check].filter(Boolean).join(". ");
    if (warnings.childElementCount !== status.warnings.length) warnings.replaceChildren(...status.warnings.map((text) => h("li", {}, text)));
    connected = csms.state !== "off";
    link.textContent = t(connected ? "web.csms.disconnect" : "web.csms.connect");
    link.hidden = !csms.configured;
  }
  return { element, update };
}

function evseCard(evse) {
  const id = `evse-${evse}`;
  const state = h("span", { class: "tag" });
  const shown = figures(["power", "current", "voltage", "session", "register", "limit", "offered", "temperature", "pilot", "contactor", "phase", "closings"]);
  const whys = h("ul", { class: "why" });
  const buttons = h("p", { class: "buttons" });
  const span = h("select", { "aria-label": t("web.span") }, h("option", { value: "minutes" }, t("web.span.minutes")), h("option", { value: "hours" }, t("web.span.hours")));
  const place = h("div");
  const keys = Object.keys(QUANTITIES).map((name) => h("span", { class: `key ${name}` }, `${t(`web.quantity.${name}`)} (${QUANTITIES[name].unit})`));
  span.addEventListener("change", () => draw());
  const element = h("section", { class: "card", "aria-labelledby": id },
    h("div", { class: "headline" }, h("h2", { id }, t("web.evse", { number: evse })), state), whys, shown.list,
    h("figure", {}, place, h("figcaption", {}, keys, h("label", { class: "inline" }, span))), buttons);
  let now = null;
  let known = "";

  async function draw() {
    try {
      place.replaceChildren(plot(await get(`/api/evses/${evse}/series?span=${span.value}`, { background: true })));
    } catch { /* the next one comes in seconds */ }
  }

  function update(found, reasons) {
    now = found;
    const { control, meter, transaction, counts } = found;
    const wanted = found.state ? t(`web.state.${found.state}`) : t("web.unknown");
    state.textContent = found.fault ? `${wanted}: ${title(found.fault)}` : wanted;
    state.className = `tag ${STATE_TONES[found.state] ?? ""}`;
    shown.set("power", meter?.power_w == null ? t("web.unknown") : number(meter.power_w / 1000, 2, "kW"));
    shown.set("current", meter?.current_a?.length ? meter.current_a.map((each) => number(each, 1)).join(" / ") + " A" : t("web.unknown"));
    shown.set("voltage", meter?.voltage_v?.length ? meter.voltage_v.map((each) => number(each, 0)).join(" / ") + " V" : t("web.unknown"));
    shown.set("register", meter?.energy_import_wh == null ? t("web.unknown") : number(meter.energy_import_wh / 1000, 3, "kWh"));
    shown.set("session", transaction ? (transaction.energy_wh === null ? t("web.unknown") : number(transaction.energy_wh / 1000, 3, "kWh")) : t("web.none_of_it"));
    shown.set("limit", control ? `${number(control.limit_a, 1, "A")} (${t(`web.limit.${control.limited_by}`)})` : t("web.unknown"));
    shown.set("offered", number(control?.offered_a, 1, "A"));
    shown.set("temperature", number(control?.temperature_c, 0, "°C"));
    shown.set("pilot", control?.pilot ?? t("web.unknown"));
    shown.set("contactor", control && control.contactor_closed !== null ? t(control.contactor_closed ? "web.closed_contactor" : "web.open_contactor") : t("web.unknown"));
    shown.set("phase", control ? t(`web.phase.${control.phase}`) : t("web.unknown"));
    shown.set("closings", counts ? number(counts.operations, 0) : t("web.unknown"));
    const said = JSON.stringify(reasons);
    if (said !== whys.dataset.said) {
      whys.dataset.said = said;
      whys.replaceChildren(...reasons.map((why) => h("li", { class: why.binding ? "" : "other" }, why.text, why.binding && why.next ? ` ${why.next}` : "")));
    }
    const offer = JSON.stringify([found.enabled, found.local_limit_a, control?.hazards]);
    if (offer !== known) {
      known = offer;
      buttons.replaceChildren(...actions());
    }
  }

  function actions() {
    if (now.enabled === null) return [];
    const path = `/api/evses/${evse}`;
    const enable = now.enabled ? "disable" : "enable";
    return [
      ask(enable, {}, () => post(`${path}/enabled`, { enabled: !now.enabled }), now.enabled ? "danger" : ""),
      ask("unlock", {}, () => post(`${path}/unlock`)),
      limit(path),
      ...(now.control?.hazards ?? []).map((hazard) => ask("reset", { hazard: title(hazard) }, () => post(`${path}/reset-hazard`, { hazard }), "danger")),
    ];
  }

  function ask(action, fields, act, kind) {
    const text = t(`web.do.${action}`, fields);
    return button(text, async () => {
      const about = h("p", {}, t(`web.about.${action}`, { evse, ...fields }));
      if (!(await confirm(`${t("web.evse", { number: evse })}: ${text}`, about, text))) return;
      const done = await act();
      notice([t("web.done"), done.detail].filter(Boolean).join(" "));
    }, kind);
  }

  function limit(path) {
    const text = now.local_limit_a === null ? t("web.do.limit") : t("web.do.limit_set", { current: number(now.local_limit_a, 1) });
    return button(text, async () => {
      const input = h("input", { type: "number", min: "0", max: "80", step: "0.5", value: now.local_limit_a ?? "" });
      if (!(await confirm(t("web.do.limit"), [h("p", {}, t("web.about.limit", { evse })), field(t("web.limit.current"), input)], t("web.set")))) return;
      await post(`${path}/limit`, { current_a: input.value === "" ? null : Number(input.value) });
      notice(t("web.done"));
    });
  }

  draw();
  return { element, update, draw };
}

export function summary(status, place) {
  const alerts = status.alerts;
  place.replaceChildren(
    h("span", { class: status.csms.state === "accepted" || !status.csms.configured ? "good" : "warn" }, `${t("web.figure.csms")}: ${t(`web.csms.${status.csms.state}`)}`),
    alerts && alerts.open ? h("a", { href: "#alerts", class: "bad" }, t("web.open_alerts", { count: alerts.open })) : "",
    alerts && alerts.maintenance_s > 0 ? h("span", { class: "warn" }, t("web.maintenance_on", { left: duration(alerts.maintenance_s) })) : "",
  );
}
