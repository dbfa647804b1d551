// Configuration: what is in force, and where each value comes from.

import { get } from "./api.js";
import { h, t, table } from "./dom.js";

export async function settings(view) {
  const [variables, file] = await Promise.all([get("/api/configuration"), get("/api/file")]);
  const search = h("input", { type: "search", "aria-label": t("web.search") });
  const only = h("input", { type: "checkbox" });
  const place = h("div", { class: "cards" });
  function show() {
    const word = search.value.toLowerCase();
    const kept = (name, value, origin) => (!only.checked || origin !== "default") && `${name} ${value}`.toLowerCase().includes(word);
    place.replaceChildren(
      table(t("web.variables"), [[t("web.column.name"), "text"], [t("web.column.value"), "text"], [t("web.column.origin"), ""]],
        variables.map((one) => [one.key || `${one.component}.${one.variable}`, one.value, one.origin]).filter((row) => kept(...row))
          .map(([name, value, from]) => [name, value, origin(from)])),
      table(t("web.file"), [[t("web.column.name"), "text"], [t("web.column.value"), "text"], [t("web.column.origin"), ""]],
        file.filter((one) => kept(one.key, one.value, one.origin)).map((one) => [one.key, one.value, origin(one.origin)])));
  }
  search.addEventListener("input", show);
  only.addEventListener("change", show);
  view.replaceChildren(h("p", { class: "buttons" }, h("label", { class: "inline" }, t("web.search"), search), h("label", { class: "inline" }, only, t("web.only_changed"))), place);
  show();
}

function origin(from) { return h("span", { class: from === "default" ? "dim" : "" }, t(`web.origin.${from}`)); }
