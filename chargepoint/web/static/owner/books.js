// Transactions and the records that are owed to the CSMS.

import { get, post } from "./api.js";
import { button, confirm, h, notice, number, t, table, time } from "./dom.js";

export async function books(view) {
  const [status, transactions, records] = await Promise.all([get("/api/status"), get("/api/transactions?last=200"), get("/api/records")]);
  const link = h("p", {}, h("a", { href: "/api/transactions.csv?last=5000", download: "" }, t("web.csv")));
  const kwh = (value) => (value === null ? t("web.unknown") : number(value / 1000, 3));
  view.replaceChildren(
    link,
    table(t("web.transactions"), [
      [t("web.column.number"), "number"], ["EVSE", "number"], [t("web.column.card"), ""], [t("web.column.start"), ""], [t("web.column.end"), ""],
      ["kWh", "number"], [t("web.column.reason"), ""], [t("web.column.state"), "text"],
    ], transactions.map((one) => [
      one.csms_id === null ? "–" : String(one.csms_id), String(one.evse), [one.card, one.id_token].filter(Boolean).join(" "), time(one.started_at),
      one.running ? t("web.running") : time(one.ended_at), kwh(one.energy_wh), one.reason ? t(`web.reason.${one.reason}`) : "",
      h("span", { class: { refused: "bad", waiting: "warn" }[one.state] ?? "" }, t(`web.ledger.${one.state}`), one.problem ? `: ${one.problem}` : ""),
    ])),
    ...(status.csms.configured ? owed(view, records) : []),
  );
}

const SHOWN_MAX = 200;

function owed(view, records) {
  const waiting = records.filter((one) => one.place === "waiting").length;
  return [
    table(t("web.records"), [
      [t("web.column.record"), "number"], [t("web.column.place"), ""], [t("web.column.kind"), ""], [t("web.column.time"), ""], [t("web.column.answer"), "text"], [t("web.column.action"), ""],
    ], records.map((one) => [
      String(one.sequence), h("span", { class: one.place === "refused" ? "bad" : "" }, t(`web.ledger.${one.place}`)), one.kind, time(one.at),
      h("details", {}, h("summary", {}, [one.code, one.description].filter(Boolean).join(": ") || t("web.contents")), h("pre", {}, one.text)),
      one.place === "refused" ? button(t("web.resend"), async () => {
        if (!(await confirm(t("web.resend"), h("p", {}, t("web.resend_about", { record: one.sequence }))))) return;
        await post(`/api/records/${one.sequence}/resend`);
        notice(t("web.done"));
        await books(view);
      }) : "",
    ]), t("web.no_records")),
    waiting >= SHOWN_MAX ? h("p", {}, t("web.records_cut", { count: waiting })) : "",
  ];
}
