// One's own password, and for an owner all accounts.

import { get, post, remove, visitor } from "./api.js";
import { button, confirm, field, h, notice, t, table, time } from "./dom.js";

export async function accounts(view) {
  view.replaceChildren(own());
  if (visitor.role !== "owner") return;
  const found = await get("/api/accounts");
  view.append(
    table(t("web.accounts"), [[t("web.account"), ""], [t("web.column.role"), ""], [t("web.changed"), ""], [t("web.column.action"), ""]],
      found.map((one) => [one.account, t(`web.role.${one.role}`), time(one.changed_at), button(t("web.remove"), async () => {
        if (!(await confirm(t("web.remove"), h("p", {}, t("web.remove_about", { account: one.account }))))) return;
        await remove(`/api/accounts/${encodeURIComponent(one.account)}`);
        await accounts(view);
      }, "danger")])),
    another(view));
}

function own() {
  const present = secret("current-password");
  const password = secret("new-password");
  return form(t("web.own_password"), [field(t("web.present_password"), present), field(t("web.new_password"), password)], t("web.set"), async () => {
    Object.assign(visitor, await post("/api/password", { present: present.value, password: password.value }));
    present.value = password.value = "";
    notice(t("web.done"));
  });
}

function another(view) {
  const name = h("input", { maxlength: "32", autocapitalize: "none", required: true, pattern: "[a-z][a-z0-9_.\\-]{0,31}" });
  const role = h("select", {}, ["technician", "owner"].map((each) => h("option", { value: each }, t(`web.role.${each}`))));
  const password = secret("new-password");
  return form(t("web.new_account"), [field(t("web.account"), name), field(t("web.column.role"), role), field(t("web.new_password"), password)], t("web.set"), async () => {
    await post("/api/accounts", { account: name.value, role: role.value, password: password.value });
    notice(t("web.done"));
    await accounts(view);
  });
}

function secret(kind) { return h("input", { type: "password", autocomplete: kind, minlength: kind === "new-password" ? "10" : false, maxlength: "200", required: true }); }

function form(heading, fields, text, act) {
  const made = h("form", { class: "card" }, h("h2", {}, heading), fields, h("p", {}, h("button", { type: "submit", class: "main" }, text)));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    try { await act(); } catch (error) { notice(error.message, true); }
  });
  return made;
}
