// A product tile, and the closer look that a click on it opens.

import { el, pills } from "./elements.js";
import { art } from "./art.js";
import { addButton } from "./basket.js";
import { openDialog } from "./dialog.js";
import { note, watch } from "./feedback.js";
import { number, price } from "./words.js";

/** The placement id of search results. */
export const SEARCH = "search";

/** Return the tile of `product` as a list item; `placement` is `{id, title}`. */
export function tile(product, placement) {
  const look = () => {
    note("click", placement.id, product.id);
    closer(product, placement);
  };
  const item = el(
    "li",
    { class: "tile", "data-placement": placement.id, "data-product": product.id },
    el("div", { class: "picture" }, art(product), product.bought_before && el("span", { class: "pill again" }, "Buy again")),
    product.price_range && el("p", { class: "price" }, price(product.price_range)),
    el("h3", { class: "name" }, el("button", { class: "name-button", type: "button", "aria-haspopup": "dialog", onclick: look }, product.name)),
    el("p", { class: "aisle" }, product.aisle),
    addButton(product, placement.id),
  );
  watch(item);
  return item;
}

function closer(product, placement) {
  const fit = product.relevance ?? null;
  openDialog(
    product.name,
    el("div", { class: "look" }, art(product), el("div", { class: "stack" },
      el("div", {}, product.price_range && el("p", { class: "price" }, price(product.price_range)),
        el("p", { class: "quiet" }, `${product.department} › ${product.aisle}`)),
      pills([product.bought_before ? "You bought this before" : "New to you"], product.bought_before ? "good" : ""),
      el("p", {}, `Found for “${product.found_by ?? placement.title}”.`, fit !== null && placement.id !== SEARCH && ` Fit with that title: ${number(fit)} of 1.`),
      el("div", {}, addButton(product, placement.id)))),
  );
}
