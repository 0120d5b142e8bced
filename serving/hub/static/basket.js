// The basket of the demo: kept for the visit, one per shopper. Adding can be undone before the shop is told.

import { el, glyph, say } from "./elements.js";
import { art } from "./art.js";
import { openDialog } from "./dialog.js";
import { note } from "./feedback.js";
import { price } from "./words.js";

const UNDO_MS = 6000;
const baskets = new Map();
let shopper = "";
let pending = null;

const lines = () => baskets.get(shopper) ?? baskets.set(shopper, new Map()).get(shopper);

/** Switch to the basket of this shopper. */
export function basketOf(id) {
  if (id !== shopper) settle();
  shopper = id;
  draw();
}

function draw() {
  const counter = document.querySelector("#basket .count");
  counter.textContent = lines().size;
  counter.dataset.empty = lines().size === 0;
  for (const button of document.querySelectorAll(".add")) mark(button, lines().has(button.dataset.product));
}

function mark(button, inBasket) {
  if (button.getAttribute("aria-pressed") === `${inBasket}`) return;
  button.setAttribute("aria-pressed", inBasket);
  button.replaceChildren(glyph(inBasket ? "check" : "plus"), el("span", {}, inBasket ? "Added" : "Add"));
}

/** Return the button that puts `product` of `placement` into the basket, and takes it out again. */
export function addButton(product, placement) {
  const toggle = () => (lines().has(product.id) ? remove(product) : add(product, placement));
  const button = el("button", { class: "button add", type: "button", "data-product": product.id, "aria-label": `Add ${product.name} to the basket`, onclick: toggle });
  mark(button, lines().has(product.id));
  return button;
}

function add(product, placement) {
  settle();
  lines().set(product.id, product);
  pending = { product, placement, timer: setTimeout(settle, UNDO_MS) };
  const undo = el("button", { class: "button", type: "button", onclick: () => remove(product) }, "Undo");
  document.getElementById("toast").replaceChildren(el("div", {}, el("p", {}, `${product.name} is in your basket`), undo));
  say(`${product.name} added to the basket. Press its button again to undo.`);
  draw();
}

function remove(product) {
  lines().delete(product.id);
  if (pending?.product.id === product.id) {
    clearTimeout(pending.timer);
    pending = null;
    clearToast();
  }
  say(`${product.name} removed from the basket.`);
  draw();
}

/** Tell the shop of the last product added: it can no longer be undone. */
function settle() {
  if (!pending) return;
  clearTimeout(pending.timer);
  note("add_to_cart", pending.placement, pending.product.id);
  pending = null;
  clearToast();
}

function clearToast() {
  const toast = document.getElementById("toast");
  if (toast.contains(document.activeElement)) document.getElementById("main").focus({ preventScroll: true });
  toast.replaceChildren();
}

addEventListener("pagehide", settle, { capture: true });

/** Show what is in the basket. */
export function showBasket() {
  const items = [...lines().values()].map((product) =>
    el("li", {}, art(product), el("span", {}, el("b", {}, product.name), el("br"), el("span", { class: "quiet small" }, product.price_range ? price(product.price_range) : product.aisle)),
      el("button", { class: "button plain", type: "button", "aria-label": `Remove ${product.name}`, onclick: () => { remove(product); showBasket(); } }, "Remove")));
  const nothing = el("p", { class: "quiet" }, "Nothing in it yet. Add products from your shelves.");
  openDialog("Your basket", items.length ? el("ul", { class: "lines" }, items) : nothing);
}
