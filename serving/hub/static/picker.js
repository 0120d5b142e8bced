// Who is shopping: the shoppers of the demo, a new one, or any id.

import { count, el } from "./elements.js";
import { hueOf } from "./art.js";
import { closeDialog, openDialog } from "./dialog.js";
import * as words from "./words.js";

const initials = (id) => (/^\d+$/.test(id) ? id.slice(0, 3) : id.slice(0, 1).toUpperCase());
const orders = (shopper) => (shopper.new ? "New here, no orders yet" : `${count(shopper.order_count, "order")} · ${shopper.top_aisles.slice(0, 3).join(", ")}`);

/** Show who is shopping in the header. */
export function showWho(id, shopper) {
  const button = document.getElementById("who");
  button.querySelector(".face").textContent = initials(id);
  button.querySelector(".face").style.setProperty("--hue", hueOf(id));
  button.querySelector("b").textContent = words.shopper(id);
  button.querySelector("small").textContent = shopper ? (shopper.new ? "new here" : count(shopper.order_count, "order")) : "";
  button.setAttribute("aria-label", `Change shopper, now ${words.shopper(id)}`);
}

/** Let the visitor pick; `choose` is called with the id. */
export function pickShopper(known, current, choose) {
  const take = (id) => {
    closeDialog();
    choose(id);
  };
  const rows = known.map((shopper) =>
    el("li", {}, el("button", { type: "button", "data-shopper": shopper.id, "aria-current": shopper.id === current ? "true" : null, onclick: () => take(shopper.id) },
      el("span", { class: "face", "aria-hidden": "true", vars: { hue: hueOf(shopper.id) } }, initials(shopper.id)),
      el("span", {}, el("b", {}, words.shopper(shopper.id)), el("small", {}, orders(shopper))))));
  const input = el("input", { name: "id", required: true, maxlength: 128, "aria-label": "Shopper id", placeholder: "Any shopper id", autocomplete: "off" });
  const other = el("form", { class: "inline-form", onsubmit: (event) => { event.preventDefault(); take(input.value.trim()); } }, input, el("button", { class: "button" }, "Shop"));
  openDialog("Who is shopping?", other, el("ul", { class: "shoppers" }, rows));
}
