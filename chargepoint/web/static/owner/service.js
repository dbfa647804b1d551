// The technician's view: health, doctor, maintenance, diagnostics.

import { blob, get, post } from "./api.js";
import { button, bytes, confirm, download, field, h, language, notice, number, t, table, time } from "./dom.js";

const LEVELS = { pass: "good", warn: "warn", fail: "bad", skip: "dim" };

export async function service(view) {
  const health = h("div", { class: "cards" });
  const doctor = h("div");
  const upkeep = h("div", { class: "stack" });
  view.replaceChildren(
    h("p", { class: "buttons" },
      button(t("web.doctor.run"), () => examine(doctor), "main"),
      button(t("web.doctor.report"), async () => { notice(t("web.making")); download("report.html", await blob(`/api/doctor/report?lang=${language}`)); notice(t("web.done")); }),
      button(t("web.diagnostics"), async () => { notice(t("web.making")); download("diagnostics.zip", await blob("/api/diagnostics")); notice(t("web.done")); })),
    doctor, upkeep, health);
  await Promise.all([showHealth(health), showUpkeep(upkeep)]);
}

async function examine(place) {
  notice(t("web.doctor.looking"));
  const findings = await post(`/api/doctor?lang=${language}`);
  const order = ["fail", "warn", "skip", "pass"];
  findings.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  place.replaceChildren(table(t("web.doctor"), [[t("web.column.part"), ""], [t("web.column.level"), ""], [t("web.column.found"), "text"], [t("web.column.cause"), "text"]],
    findings.map((one) => [one.subject ? `${one.part}: ${one.subject}` : one.part, h("span", { class: LEVELS[one.level] }, t(`web.level.${one.level}`)), [h("strong", {}, one.title), h("br"), one.found],
      [one.cause, one.next_step ? h("p", {}, one.next_step) : ""]])));
  notice(t("web.done"));
}

async function showHealth(place) {
  const health = await get("/api/health");
  const host = health.host;
  const yes = (value) => (value === null ? t("web.unknown") : t(value ? "web.yes" : "web.no"));
  const rows = [
    [t("web.host.model"), host.model || t("web.unknown")],
    [t("web.host.disk_free"), `${bytes(host.disk_free_bytes)} / ${bytes(host.disk_size_bytes)}`],
    [t("web.host.written"), bytes(host.disk_written_bytes)],
    [t("web.host.life"), host.disk_life_used === null ? t("web.unknown") : number(host.disk_life_used * 100, 0, "%")],
    [t("web.host.memory"), bytes(host.memory_free_bytes)],
    [t("web.host.temperature"), number(host.cpu_temperature_c, 0, "°C")],
    [t("web.host.under_voltage"), yes(host.under_voltage)],
    [t("web.host.load"), number(host.load_1min, 2)],
    [t("web.host.agent_memory"), bytes(health.agent_memory_bytes)],
    [t("web.host.late"), number(health.loop_late_max_s * 1000, 0, "ms")],
  ];
  place.replaceChildren(
    table(t("web.host"), [[t("web.column.what"), ""], [t("web.column.value"), "number"]], rows),
    table(t("web.buses"), [["Bus", ""], [t("web.column.requests"), "number"], [t("web.column.errors"), "number"], ["p99", "number"], [t("web.column.state"), ""]],
      health.buses.map((bus) => [bus.bus, number(bus.requests, 0), number(bus.timeouts + bus.bad_replies + bus.refused, 0), number(bus.latency_p99_s * 1000, 1, "ms"),
        h("span", { class: bus.down ? "bad" : "good" }, t(bus.down ? "web.down" : "web.works"))])),
    table(t("web.devices"), [[t("web.column.device"), ""], [t("web.column.driver"), ""], ["Bus", ""], [t("web.column.state"), "text"]],
      health.devices.map((one) => [one.device, one.driver, one.bus, h("span", { class: one.answers === false ? "bad" : one.answers ? "good" : "dim" },
        one.answers === null ? t("web.unknown") : t(one.answers ? "web.works" : "web.silent"), one.detail ? `: ${one.detail}` : "")])),
    table(t("web.certificates"), [[t("web.column.use"), ""], [t("web.column.subject"), "text"], [t("web.column.end"), ""]],
      health.certificates.map((one) => [one.use, one.subject, time(one.expires_at)])),
  );
}

async function showUpkeep(place) {
  let upkeep;
  try { upkeep = await get("/api/maintenance"); } catch (error) { place.replaceChildren(h("p", { class: "card dim" }, error.message)); return; }
  const boxes = [];
  const rows = upkeep.items.map((item) => {
    const box = h("input", { type: "checkbox", value: item.task, "aria-label": t("web.visit.did", { task: named(item.task) }) });
    boxes.push(box);
    const amount = (value) => (item.kind === "interval" ? t("web.days", { count: number(value, 0) }) : number(value, 0));
    return [named(item.task), amount(item.used), amount(item.limit), h("span", { class: { due: "warn", overdue: "bad" }[item.state] ?? "" }, t(`web.due.${item.state}`)), item.due_at || t("web.unknown"), item.detail, box];
  });
  const visit = button(t("web.visit.record"), async () => {
    const note = h("textarea", { rows: "3", maxlength: "1000" });
    const tasks = boxes.filter((box) => box.checked).map((box) => box.value);
    if (!(await confirm(t("web.visit.record"), [h("p", {}, t("web.visit.about", { tasks: tasks.map(named).join(", ") || t("web.none") })), field(t("web.visit.note"), note)]))) return;
    await post("/api/visits", { note: note.value, tasks });
    notice(t("web.done"));
    await showUpkeep(place);
  });
  place.replaceChildren(
    table(t("web.maintenance"), [[t("web.column.task"), ""], [t("web.column.used"), "number"], [t("web.column.limit"), "number"], [t("web.column.state"), ""], [t("web.column.due"), ""], [t("web.column.detail"), "text"], [t("web.column.done"), ""]], rows),
    h("p", { class: "buttons" }, visit),
    table(t("web.visits"), [[t("web.column.time"), ""], [t("web.column.person"), ""], [t("web.column.note"), "text"], [t("web.column.task"), "text"]],
      upkeep.visits.map((one) => [time(one.at), one.by, one.note, one.tasks.map(named).join(", ")])));
}

// "contactor/1" in words.
function named(task) {
  const [name, evse] = task.split("/");
  return t(`task.${name}`, { evse });
}
