"use strict";

// The page polls /state, listens to /events, and posts what a person does. Nothing else.

const WINDOW_S = 180;
const POLL_MS = 500;
const LETTERS = ["A", "B", "C", "D", "E", "F"];
const PILOT_WORDS = {
  A: "no vehicle", B: "vehicle connected", C: "vehicle asks for energy",
  D: "asks, with ventilation", E: "pilot shorted", F: "not available",
};
const $ = (id) => document.getElementById(id);
const cards = new Map();
const powers = new Map();
let faults = { evse: [], device: {}, words: {}, wire_groups: {} };
let latest = null;
let clockOffset = 0;
let polled = null;

// --- talking to the server -------------------------------------------------------------------------

async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}),
    });
    if (answer.ok) { say(""); await refresh(); return; }
    const { error } = await answer.json();
    say(`Not done: ${error.what}. Found ${JSON.stringify(error.found)}, expected ${error.expected}.`);
  } catch { say("The simulator does not answer. Is it still running?"); }
}

function say(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

async function refresh() {
  try {
    const answer = await fetch("/state");
    show(await answer.json());
    light("live", "page: live", "good");
  } catch { light("live", "page: no simulator", "bad"); }
}

function light(id, text, kind) {
  const element = $(id);
  if (element.textContent !== text) element.textContent = text;
  element.className = `light ${kind}`;
}

function listen() {
  const stream = new EventSource("/events?after=0");
  let soon = 0;
  stream.onmessage = (message) => {
    const event = JSON.parse(message.data);
    note(event);
    clearTimeout(soon);
    soon = setTimeout(refresh, 40);
  };
}

// --- charging points -------------------------------------------------------------------------------

function build(number) {
  const card = $("evse-template").content.firstElementChild.cloneNode(true);
  const part = (name) => card.querySelector(name);
  card.setAttribute("aria-label", `EVSE ${number}`);
  part("h2").textContent = `EVSE ${number}`;
  for (const letter of LETTERS) {
    const step = document.createElement("li");
    step.textContent = letter;
    part(".ladder").append(step);
  }
  part(".plug-button").addEventListener("click", () => {
    post(`/evse/${number}/${latest.evse[number].plugged ? "unplug" : "plug_in"}`);
  });
  card.querySelectorAll(".segments").forEach((set, index) => {
    set.querySelectorAll("input").forEach((input) => {
      input.name = `set-${number}-${index}`;
      input.addEventListener("change", () => {
        const phases = set.classList.contains("phases");
        post(`/evse/${number}/ev`, phases ? { phases: +input.value } : { request: input.value });
      });
    });
  });
  const slider = part(".slider input");
  slider.addEventListener("input", () => { part(".slider output").textContent = `${slider.value} A`; });
  slider.addEventListener("change", () => post(`/evse/${number}/ev`, { current_a: +slider.value }));
  const heat = part(".heat input");
  heat.addEventListener("input", () => { part(".heat output").textContent = `${heat.value} °C`; });
  heat.addEventListener("change", () => post(`/evse/${number}/temperature`, { celsius: +heat.value }));
  part(".heat button").addEventListener("click", () => post(`/evse/${number}/temperature`, { celsius: null }));
  buildFaults(part(".fault-groups"), number);
  $("evses").append(card);
  cards.set(number, card);
  if (!powers.has(number)) powers.set(number, []);
  return card;
}

function buildFaults(place, number) {
  const groups = new Map();
  for (const fault of faults.evse) {
    if (!groups.has(fault.group)) groups.set(fault.group, group(place, fault.group));
    groups.get(fault.group).append(chip(fault.id, fault.title, fault.cause, (active) => {
      post(`/evse/${number}/fault`, { fault: fault.id, active });
    }));
  }
}

function group(place, name) {
  const whole = document.createElement("div");
  whole.setAttribute("role", "group");
  whole.setAttribute("aria-label", name);
  const title = document.createElement("h3");
  title.textContent = name;
  const chips = document.createElement("div");
  chips.className = "chips";
  whole.append(title, chips);
  place.append(whole);
  return chips;
}

function chip(id, text, why, toggle) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.fault = id;
  button.textContent = text;
  button.title = why || "";
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => toggle(button.getAttribute("aria-pressed") !== "true"));
  return button;
}

function press(place, active) {
  place.querySelectorAll("[data-fault]").forEach((button) => {
    button.setAttribute("aria-pressed", String(active.includes(button.dataset.fault)));
  });
}

function situation(evse) {
  const flows = evse.power_w > 20;
  if (evse.pilot_state === "E") return ["faulted", "Pilot shorted", "The pilot reads 0 V. The station must not energise."];
  if (evse.pilot_mode === "fault") return ["faulted", "Station signals a fault", "The pilot is at −12 V (state F): the station refuses to charge until the reason is gone."];
  if (evse.pilot_state === "F") return ["faulted", "Pilot out of range", "The pilot level fits no state."];
  if (!evse.contactor_commanded && evse.outlet_v.some((volts) => volts > 0)) return ["faulted", "Outlet live", "The coil is off, and yet there is voltage at the outlet."];
  if ((evse.contactor_closed || evse.second_closed) && !evse.contactor_commanded) return ["faulted", "Contactor welded", "The coil is off, but not all contacts have opened."];
  if (flows) return ["charging", "Charging", `Energy flows: the car takes ${amps(evse)} of the ${evse.offered_a} A on offer.`];
  if (!evse.plugged) return ["", "Free", "Nothing is plugged in. Start with “Plug in”."];
  if (evse.contactor_closed) return ["charging", "Energised", "The contactor is closed; the car's charger starts or has stopped by itself."];
  if (evse.pilot_state === "C" || evse.pilot_state === "D") return ["waiting", "Car asks", "The car has closed S2 and waits for the station to close the contactor."];
  if (evse.pilot_mode === "offer" && evse.asleep) return ["waiting", "Car sleeps", `The station offers ${evse.offered_a} A, but the car sleeps and does not react.`];
  if (evse.pilot_mode === "offer" && evse.battery_ratio >= 0.995) return ["waiting", "Battery full", "The car is full and asks for nothing more."];
  if (evse.pilot_mode === "offer") return ["waiting", "Offered", `The station offers ${evse.offered_a} A; the car ${evse.request === "pause" ? "pauses" : "will ask in a moment"}.`];
  return ["waiting", "Plugged in", "The car is connected, but nothing is offered yet. Present a card, or start from the back office."];
}

function amps(evse) {
  return `${Math.max(...evse.current_a, 0).toFixed(1)} A`;
}

function showEvse(number, evse) {
  const card = cards.get(number) || build(number);
  const part = (name) => card.querySelector(name);
  const text = (name, value) => { const at = part(name); if (at.textContent !== value) at.textContent = value; };
  const [kind, word, next] = situation(evse);
  card.className = ["evse", kind, evse.plugged && "plugged", evse.contactor_closed && "closed"].filter(Boolean).join(" ");
  text(".facts", `${evse.connector === "socket" ? "socket outlet" : "fixed cable"}, ${evse.phases === 3 ? "three phases" : "one phase"}, ${evse.current_max_a} A`);
  text(".pill", word);
  text(".next", next);
  text(".word", evse.contactor_closed ? "CLOSED" : "OPEN");
  text(".percent", `${Math.round(evse.battery_ratio * 100)} %`);
  part(".charge").setAttribute("width", String(52 * evse.battery_ratio));
  [...part(".ladder").children].forEach((step) => {
    const here = step.textContent === evse.pilot_state;
    const tone = "EF".includes(evse.pilot_state) ? "wrong" : "CD".includes(evse.pilot_state) ? "live" : "";
    step.className = here ? `here ${tone}` : "";
  });
  text(".pilot-value", `${evse.pilot_state}: ${PILOT_WORDS[evse.pilot_state]}`);
  text(".pilot-level", evse.pilot_mode === "offer"
    ? `${signed(evse.pilot_high_v)} / ${signed(evse.pilot_low_v)} V` : `${signed(evse.pilot_high_v)} V steady`);
  text(".offered", evse.offered_a ? `${evse.offered_a} A` : "nothing");
  text(".duty", evse.pilot_mode === "offer" ? `duty ${(evse.duty_ratio * 100).toFixed(2)} %` : "oscillator off");
  const chain = evse.second_closed === null || evse.second_closed === evse.contactor_closed;
  text(".contactor", chain ? (evse.contactor_closed ? "closed" : "open") : "one of two closed");
  part(".contactor").classList.toggle("closed-word", evse.contactor_closed);
  text(".operations", `${evse.contactor_operations} ${evse.contactor_operations === 1 ? "closing" : "closings"}${evse.locked === null ? "" : evse.locked ? ", plug locked" : ", plug free"}${evse.phases === 3 && evse.switched_phases === 1 ? ", L1 only" : ""}`);
  text(".energy", `${(evse.energy_wh / 1000).toFixed(3)} kWh`);
  text(".temperature", `${evse.temperature_c.toFixed(1)} °C inside${evse.temperature_held ? ", held" : ""}`);
  const heat = part(".heat input");
  if (document.activeElement !== heat) {
    heat.value = String(evse.temperature_c);
    text(".heat output", `${Math.round(evse.temperature_c)} °C`);
  }
  part(".heat button").disabled = !evse.temperature_held;
  text(".watts .value", evse.power_w >= 1000 ? `${(evse.power_w / 1000).toFixed(2)} kW` : `${Math.round(evse.power_w)} W`);
  text(".amps", evse.current_a.map((one, index) => `L${index + 1} ${one.toFixed(1)} A`).join(", "));
  text(".plug-button", evse.plugged ? "Unplug" : "Plug in");
  card.querySelectorAll(".segments").forEach((set) => {
    const value = String(set.classList.contains("phases") ? evse.ev_phases : evse.request);
    set.querySelectorAll("input").forEach((input) => { input.checked = input.value === value; });
  });
  const slider = part(".slider input");
  if (document.activeElement !== slider) {
    slider.max = String(Math.max(32, evse.ev_current_max_a));
    slider.value = String(evse.ev_current_max_a);
    text(".slider output", `${evse.ev_current_max_a} A`);
  }
  press(part(".fault-groups"), evse.faults);
  text(".count", evse.faults.length ? String(evse.faults.length) : "");
  curve(card, number, evse.power_w);
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
}

function curve(card, number, power) {
  const now = latest.now_s;
  const points = powers.get(number);
  points.push([now, power]);
  while (points.length > 2 && points[1][0] < now - WINDOW_S) points.shift();
  const top = Math.max(3700, ...points.map((point) => point[1])) * 1.08;
  const place = ([at, watts]) => `${(600 * (1 - (now - at) / WINDOW_S)).toFixed(1)} ${(88 - 84 * watts / top).toFixed(1)}`;
  const line = points.map(place).join(" L ");
  const begin = (600 * (1 - (now - points[0][0]) / WINDOW_S)).toFixed(1);
  card.querySelector(".curve .line").setAttribute("d", `M ${line}`);
  card.querySelector(".curve .area").setAttribute("d", `M ${begin} 90 L ${line} L 600 90 Z`);
  card.querySelector(".top-kw").textContent = `full height ${(top / 1000).toFixed(1)} kW`;
}

// --- reader, grid, wires, log ----------------------------------------------------------------------

function show(state) {
  latest = state;
  clockOffset = Date.now() / 1000 - state.now_s;
  $("station").textContent = state.station.id;
  for (const number of Object.keys(state.evse)) showEvse(number, state.evse[number]);
  showTalk(state);
  showReaders(state);
  showAlerts(state);
  showGrid(state.grid);
  showDevices(state);
}

function showTalk(state) {
  const boards = Object.values(state.evse).map((evse) => evse.board);
  const count = boards.reduce((sum, name) => sum + (state.device[name]?.requests || 0), 0);
  if (polled && state.now_s - polled.at < 0.4) return;
  if (polled) {
    const rate = (count - polled.count) / (state.now_s - polled.at);
    if (rate > 0) light("talk", `station: ${Math.round(rate)} requests/s`, "good");
    else light("talk", "station: silent, start it with “chargepoint run”", "bad");
  }
  polled = { at: state.now_s, count };
}

function showReaders(state) {
  const names = Object.keys(state.reader);
  $("cards").hidden = names.length === 0;
  if ($("reader").options.length !== names.length) {
    $("reader").replaceChildren(...names.map((name) => new Option(name, name)));
    $("reader-label").hidden = names.length < 2;
  }
  const lying = names.filter((name) => state.reader[name].token);
  $("card-state").textContent = lying.length
    ? lying.map((name) => `${state.reader[name].token} lies on ${name}.`).join(" ") : "No card on the reader.";
}

const SENT_SHOWN = 8;

function showAlerts(state) {
  const names = Object.keys(state.modem);
  $("alerts").hidden = !names.length && !state.signal;
  $("sms-form").hidden = $("modem-state").hidden = !names.length;
  const parts = state.signal ? ["lamp", "buzzer"].filter((part) => state.signal[part] !== null) : [];
  $("signal-state").textContent = parts.map((part) => `${part} ${state.signal[part] ? "on" : "off"}`).join(", ");
  $("signal-state").hidden = !parts.length;
  if (!names.length) return;
  if ($("modem").options.length !== names.length) {
    $("modem").replaceChildren(...names.map((name) => new Option(name, name)));
    $("modem-label").hidden = names.length < 2;
  }
  const modem = state.modem[$("modem").value];
  $("modem-state").textContent = `SIM: ${modem.sim}, ${modem.registered ? "registered" : "no network"}, ${modem.sent.length} sent`;
  $("sms-sent").replaceChildren(...modem.sent.slice(-SENT_SHOWN).reverse().map((message) => {
    const item = document.createElement("li");
    item.textContent = `${message.to}: ${message.text}`;
    return item;
  }));
}

function showGrid(grid) {
  const on = grid.supply === "on";
  $("grid-on").checked = on;
  const low = grid.voltage_v.some((volts) => volts < 195);
  const odd = low || Math.abs(grid.frequency_hz - 50) > 2 || grid.rotation !== "clockwise";
  light("supply", on ? `grid: ${grid.voltage_v.map(Math.round).join(" / ")} V, ${grid.frequency_hz} Hz` : "grid: off", on && !odd ? "good" : "bad");
  if (document.activeElement !== $("hertz")) {
    $("hertz").value = String(grid.frequency_hz);
    $("hertz-now").textContent = `${grid.frequency_hz} Hz`;
  }
  $("rotation").checked = grid.rotation !== "clockwise";
  if (!$("volts").children.length) {
    grid.voltage_v.forEach((_, index) => {
      const label = document.createElement("label");
      const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 300, step: 5 });
      slider.setAttribute("aria-label", `Voltage of L${index + 1}`);
      const output = document.createElement("output");
      label.append(`L${index + 1}`, slider, output);
      slider.addEventListener("input", () => { output.textContent = `${slider.value} V`; });
      slider.addEventListener("change", () => {
        const volts = [...$("volts").querySelectorAll("input")].map((input) => +input.value);
        post("/grid", { voltage_v: volts });
      });
      $("volts").append(label);
    });
  }
  [...$("volts").children].forEach((label, index) => {
    const slider = label.querySelector("input");
    if (document.activeElement === slider) return;
    slider.value = String(grid.voltage_v[index]);
    label.querySelector("output").textContent = `${Math.round(grid.voltage_v[index])} V`;
  });
}

function showDevices(state) {
  const select = $("device");
  const names = Object.keys(faults.device);
  if (select.options.length !== names.length) {
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    buildDeviceFaults();
  }
  for (const option of select.options) {
    const name = option.value;
    const found = (state.device[name] || state.bus[name]).faults;
    const text = `${name} (${state.device[name] ? state.device[name].driver : "bus"})${found.length ? ", disturbed" : ""}`;
    if (option.textContent !== text) option.textContent = text;
  }
  const chosen = state.device[select.value] || state.bus[select.value];
  if (chosen) press($("device-faults"), chosen.faults);
}

// What a chip of the page sets: noise there means one frame in twenty, not every one.
const MEASURES = { noise: { ratio: 0.05 } };

function buildDeviceFaults() {
  const name = $("device").value;
  const known = faults.device[name] || [];
  $("device-faults").replaceChildren();
  for (const [title, ids] of Object.entries(faults.wire_groups)) {
    const chips = ids.filter((id) => known.includes(id)).map((id) =>
      chip(id, id, faults.words[id], (active) => post(`/device/${name}/fault`, { fault: id, active, ...(active && MEASURES[id]) })));
    if (chips.length) group($("device-faults"), title).append(...chips);
  }
  if (latest) showDevices(latest);
}

const STORIES = {
  plugged_in: (e) => `car plugged in, ${e.cable_a} A cable`,
  unplugged: (e) => `car unplugged${e.under_load ? " under load" : ""}`,
  vehicle_changed: (e) => `car wants: ${e.request}, ${e.current_a} A, ${e.phases} phases`,
  pilot_changed: (e) => `pilot ${e.before} → ${e.pilot_state}`,
  pilot_commanded: (e) => e.duty_ratio >= 1 ? "station: oscillator off" : e.duty_ratio <= 0
    ? "station: signal fault (−12 V)" : `station: offer duty ${(e.duty_ratio * 100).toFixed(2)} %`,
  contactor_commanded: (e) => `station: ${e.closed ? "close" : "open"} the contactor`,
  phases_commanded: (e) => `station: switch to ${e.phases === 1 ? "one phase" : "three phases"}`,
  rcd_tested: () => "station: test the residual-current monitor",
  function_commanded: (e) => `station: ${{ FE: "enable", FS: "sleep", FD: "disable" }[e.function]}`,
  charging_enabled: (e) => `station: ${e.enabled ? "enable" : "disable"} charging`,
  temperature_held: (e) => e.celsius === null ? "temperature let go" : `temperature held at ${e.celsius} °C`,
  current_permitted: (e) => `station: permit ${e.current_a} A`,
  lock_commanded: (e) => `station: ${e.locked ? "lock" : "unlock"} the plug`,
  contactor_closed: () => "contactor closed",
  contactor_opened: () => "contactor opened",
  s2_closed: () => "car closes S2",
  s2_opened: () => "car opens S2",
  board_opened_alone: (e) => `board opened by itself${e.watchdog_expired ? " (watchdog)" : ""}`,
  card_presented: (e) => `card ${e.token} on ${e.reader}`,
  card_removed: (e) => `card removed from ${e.reader}`,
  fault_set: (e) => `${e.device ? e.device + " " : ""}broken: ${e.fault}`,
  fault_cleared: (e) => `${e.device ? e.device + " " : ""}repaired: ${e.fault}`,
  sms_sent: (e) => `SMS to ${e.to}: ${e.text}`,
  sms_received: (e) => `SMS from ${e.sender}: ${e.text}`,
  grid_changed: (e) => `grid ${e.supply}, ${e.voltage_v.map(Math.round).join(" / ")} V, ${e.frequency_hz} Hz, ${e.rotation}`,
};

function note(event) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const at = new Date((event.at_s + clockOffset) * 1000);
  time.textContent = at.toTimeString().slice(0, 8) + "." + String(at.getMilliseconds()).padStart(3, "0").slice(0, 1);
  const words = document.createElement("span");
  const story = STORIES[event.type] ? STORIES[event.type](event) : event.type.replaceAll("_", " ");
  words.textContent = (event.evse ? `EVSE ${event.evse}: ` : "") + story;
  item.append(time, words);
  $("log").prepend(item);
  while ($("log").children.length > 200) $("log").lastElementChild.remove();
}

// --- start -----------------------------------------------------------------------------------------

async function start() {
  $("card-form").addEventListener("submit", (event) => {
    event.preventDefault();
    post(`/rfid/${$("reader").value}/present`, { token: $("token").value.trim(), hold_s: 0.5 });
  });
  $("sms-form").addEventListener("submit", (event) => {
    event.preventDefault();
    post(`/modem/${$("modem").value}/receive`, { from: $("sms-from").value.trim(), text: $("sms-text").value });
  });
  $("grid-on").addEventListener("change", () => post("/grid", { supply: $("grid-on").checked ? "on" : "off" }));
  $("hertz").addEventListener("input", () => { $("hertz-now").textContent = `${$("hertz").value} Hz`; });
  $("hertz").addEventListener("change", () => post("/grid", { frequency_hz: +$("hertz").value }));
  $("rotation").addEventListener("change", () =>
    post("/grid", { rotation: $("rotation").checked ? "anticlockwise" : "clockwise" }));
  $("device").addEventListener("change", buildDeviceFaults);
  faults = await (await fetch("/faults")).json();
  const past = await (await fetch("/history")).json();
  for (const [number, points] of Object.entries(past)) powers.set(number, points);
  await refresh();
  listen();
  setInterval(refresh, POLL_MS);
}

start();
