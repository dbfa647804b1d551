// The station's own cards: see, learn, add, change, forget.

import { get, post } from "./api.js";
import { button, confirm, field, h, language, notice, t, table, time } from "./dom.js";

const LEARN_S = 30;
const TONES = { disabled: "bad", expired: "bad", undated: "warn", valid: "good" };

export async function cards(view) {
  const { use, cards: found } = await get("/api/cards");
  const again = () => cards(view);
  const waiting = new AbortController();
  view.replaceChildren(
    h("section", { class: "card" },
      h("p", { class: use.alone && use.own !== "off" ? "" : "warn" }, t(`web.cards.use.${use.own === "off" ? "off" : use.alone ? "alone" : use.own === "alone" ? "csms" : "offline"}`)),
      use.everybody ? h("p", { class: "warn" }, t("web.cards.everybody")) : "",
      h("p", { class: "buttons" },
        button(t("web.cards.learn"), () => learn(again, waiting.signal), "main"),
        button(t("web.cards.add"), () => add(again)))),
    table(t("web.view.cards"), [[t("web.column.name"), "text"], [t("web.column.card"), ""], [t("web.column.since"), ""], [t("web.cards.until"), ""], [t("web.column.state"), ""], [t("web.column.action"), ""]],
      found.map((one) => row(one, again)), t("web.cards.none")),
  );
  return () => waiting.abort();
}

function row(one, again) {
  return [
    one.name, one.token, time(one.since), one.until ? day(one.until) : "–",
    h("span", { class: TONES[one.state] }, t(`web.cards.state.${one.state}`)),
    h("p", { class: "buttons" },
      button(t("web.cards.change"), () => change(one, again)),
      button(t(one.enabled ? "web.cards.disable" : "web.cards.enable"), async () => {
        await post("/api/cards/change", { card: one.name, enabled: !one.enabled });
        await again();
      }),
      button(t("web.cards.forget"), async () => {
        if (!(await confirm(t("web.cards.forget"), h("p", {}, t("web.cards.forget_about", { name: one.name }))))) return;
        await post("/api/cards/forget", { card: one.name });
        await again();
      }, "danger")),
  ];
}

function day(iso) { return new Intl.DateTimeFormat(language, { dateStyle: "short" }).format(new Date(`${iso}T00:00`)); }

function inputs(name = "", until = "") {
  return {
    name: h("input", { maxlength: "40", required: true, autocomplete: "off", value: name }),
    until: h("input", { type: "date", value: until }),
  };
}

// Whoever leaves the view does not learn the card of the next driver.
async function learn(again, signal) {
  const given = inputs();
  const about = h("p", {}, t("web.cards.learn_about", { seconds: LEARN_S }));
  if (!(await confirm(t("web.cards.learn"), [about, field(t("web.column.name"), given.name), field(t("web.cards.until"), given.until)]))) return;
  notice(t("web.cards.present"));
  try {
    const card = await post("/api/cards/learn", { name: given.name.value, until: given.until.value, within_s: LEARN_S }, signal);
    await again();
    notice(t("web.cards.learnt", { name: card.name, token: card.token }));
  } catch (error) { if (!signal.aborted) throw error; }
}

async function add(again) {
  const number = h("input", { maxlength: "36", required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const given = inputs();
  if (!(await confirm(t("web.cards.add"), [h("p", {}, t("web.cards.add_about")), field(t("web.cards.number"), number), field(t("web.column.name"), given.name), field(t("web.cards.until"), given.until)]))) return;
  await post("/api/cards/add", { number: number.value, name: given.name.value, until: given.until.value });
  await again();
}

async function change(one, again) {
  const given = inputs(one.name, one.until);
  if (!(await confirm(t("web.cards.change"), [field(t("web.column.name"), given.name), field(t("web.cards.until"), given.until)], t("web.set")))) return;
  await post("/api/cards/change", { card: one.name, name: given.name.value, until: given.until.value });
  await again();
}
