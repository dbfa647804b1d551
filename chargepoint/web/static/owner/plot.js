// A small plot of several quantities over time, each with its own scale; gaps stay gaps.

import { number, t } from "./dom.js";

const WIDTH = 600, HEIGHT = 150, LEFT = 34, RIGHT = 34, TOP = 8, BOTTOM = 20;
const SVG = "http://www.w3.org/2000/svg";

export const QUANTITIES = {
  power_w: { unit: "kW", factor: 0.001, digits: 1, least: 1 },
  temperature_c: { unit: "°C", factor: 1, digits: 0, least: 40 },
};

export function plot(series) {
  const svg = make("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", described(series));
  const names = Object.keys(QUANTITIES);
  const tops = names.map((name) => top(series[name], QUANTITIES[name]));
  for (const share of [0, 0.5, 1]) {
    const y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - share);
    svg.append(make("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }));
    svg.append(word(LEFT - 4, y + 4, "end", number(tops[0] * share, tops[0] < 10 && share === 0.5 ? 1 : 0)));
    svg.append(word(WIDTH - RIGHT + 4, y + 4, "start", number(tops[1] * share, 0)));
  }
  const span_s = series.power_w.length * series.step_s;
  for (const share of [0, 0.5, 1]) {
    const x = LEFT + (WIDTH - LEFT - RIGHT) * share;
    svg.append(word(x, HEIGHT - 5, share === 0 ? "start" : share === 1 ? "end" : "middle", ago(span_s * (1 - share))));
  }
  names.forEach((name, at) => svg.append(make("path", { class: name, d: line(series[name], QUANTITIES[name].factor, tops[at]) })));
  return svg;
}

function line(values, factor, most) {
  const wide = (WIDTH - LEFT - RIGHT) / Math.max(1, values.length - 1);
  const high = HEIGHT - TOP - BOTTOM;
  let d = "";
  let pen = false;
  values.forEach((value, at) => {
    if (value === null) { pen = false; return; }
    const x = LEFT + at * wide;
    const y = TOP + high * (1 - Math.max(0, value * factor) / most);
    d += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  });
  return d;
}

function top(values, { factor, least }) {
  const most = Math.max(least, ...values.filter((value) => value !== null).map((value) => value * factor));
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 6, 8, 10].map((times) => times * step).find((each) => each >= most) ?? most;
}

function ago(seconds) {
  if (seconds < 1) return t("web.now");
  return seconds >= 3600 ? t("web.ago_hours", { count: number(seconds / 3600, 0) }) : t("web.ago_minutes", { count: number(seconds / 60, 0) });
}

function described(series) {
  return Object.entries(QUANTITIES).map(([name, { unit, factor, digits }]) => {
    const known = series[name].filter((value) => value !== null).map((value) => value * factor);
    if (!known.length) return `${t(`web.quantity.${name}`)}: ${t("web.unknown")}`;
    return t("web.plot", {
      quantity: t(`web.quantity.${name}`),
      now: number(known.at(-1), digits, unit), least: number(Math.min(...known), digits, unit), most: number(Math.max(...known), digits, unit),
    });
  }).join("; ");
}

function make(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
function word(x, y, anchor, text) {
  const element = make("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}
