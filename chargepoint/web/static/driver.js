// Keeps the driver's page up to date. Without it the page renews itself every 15 seconds.
"use strict";

const STALE_MS = 4000;
const HOW_LONG_IN = ["plugged", "approved", "charging"];
const main = document.getElementById("main");
const all = (root, selector) => Array.from(root.querySelectorAll(selector));
let heardAt = Date.now();
let reached = !main.hasAttribute("data-unreached");

function put(element, text) {
  // Only what changes: a screen reader would read the rest again.
  if (element && element.textContent !== text) element.textContent = text;
}

function putList(list, lines) {
  if (!list) return;
  const known = all(list, "li").map((item) => item.textContent);
  if (JSON.stringify(known) !== JSON.stringify(lines)) {
    list.replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }
  list.hidden = lines.length === 0;
}

function figure(id, label, text) {
  const row = document.createElement("div");
  const term = document.createElement("dt");
  const value = document.createElement("dd");
  row.className = id;
  term.textContent = label;
  value.textContent = text;
  row.append(term, value);
  return row;
}

function putFigures(list, figures) {
  if (!list) return;
  const rows = all(list, "div");
  if (rows.map((row) => row.className).join() === figures.map((each) => each.id).join()) {
    figures.forEach((each, number) => put(rows[number].querySelector("dd"), each.text));
  } else {
    list.replaceChildren(...figures.map((each) => figure(each.id, each.label, each.text)));
  }
  list.hidden = figures.length === 0;
}

function putEvse(evse) {
  const root = main.querySelector(`[data-evse="${evse.evse}"]`);
  if (!root) return;
  root.dataset.tone = evse.tone;
  root.dataset.state = evse.state;
  for (const element of all(root, "[data-text]")) put(element, evse[element.dataset.text]);
  putList(root.querySelector("[data-list=todo]"), evse.todo);
  putList(root.querySelector("[data-list=remarks]"), evse.remarks);
  putFigures(root.querySelector("[data-figures]"), evse.figures);
  putFigures(root.querySelector("[data-parts]"), evse.cost_parts);
  const urgent = root.querySelector("[data-urgent]");
  if (urgent) urgent.hidden = !evse.urgent;
  const form = root.querySelector("[data-how-long]");
  if (form) {
    form.dataset.power = evse.power_kw || "";
    showTime(form);
  }
}

function show(view) {
  heardAt = Date.now();
  reached = view.reached;
  view.evses.forEach(putEvse);
  putList(main.querySelector("[data-list=notes]"), view.notices);
  putList(main.querySelector("[data-list=tariff]"), view.prices);
  const notices = main.querySelector("[data-notices]");
  if (notices) notices.hidden = view.notices.length === 0;
  if (view.reached) {
    const at = document.querySelector("[data-at]");
    put(at, view.at_text);
    at.dateTime = view.at;
  }
  showAge();
}

function showAge() {
  const stale = !reached || Date.now() - heardAt > STALE_MS;
  main.classList.toggle("is-stale", stale);
  main.querySelector("[data-stale]").hidden = !stale;
}

function filled(text, fields) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in fields ? fields[name] : whole));
}

function showTime(form) {
  form.hidden = !HOW_LONG_IN.includes(form.closest("[data-state]").dataset.state);
  const power = Number(form.dataset.power);
  const wanted = Number(form.querySelector("input").value);
  let text = form.dataset.unknown;
  if (power >= 0.1 && wanted > 0 && wanted <= 200) {
    const minutes = Math.ceil((wanted / power) * 60);
    const rest = String(minutes % 60).padStart(2, "0");
    const time = minutes < 60
      ? filled(form.dataset.minutes, { minutes })
      : filled(form.dataset.hours, { hours: Math.floor(minutes / 60), minutes: rest });
    text = filled(form.dataset.about, { time });
  }
  put(form.querySelector("output"), text);
}

for (const form of all(main, "[data-how-long]")) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => showTime(form));
  showTime(form);
}

const source = new EventSource(main.dataset.events);
source.addEventListener("view", (event) => show(JSON.parse(event.data)));
// A closed stream is not opened again by the browser after an error answer: the page is renewed.
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 15000);
});
setInterval(showAge, 500);
