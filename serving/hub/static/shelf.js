// A shelf: one theme with its products, to be scrolled by touch, by its arrows or by the arrow keys.

import { el, glyph } from "./elements.js";
import { tile } from "./tile.js";
import { need } from "./words.js";
import { showWhy } from "./why.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const behavior = () => (calm.matches ? "auto" : "smooth");
let shelves = 0;

/** Return the section of a placement as the API sends it. */
export function shelf(placement) {
  const id = `shelf-${(shelves += 1)}`;
  const list = el("ul", { class: "tiles", "aria-labelledby": id }, placement.products.map((product) => tile(product, placement)));
  const step = (direction, label) =>
    el("button", { class: "button round step", type: "button", "aria-label": `${label} products of ${placement.title}`, onclick: () =>
      list.scrollBy({ left: direction * list.clientWidth * 0.8, behavior: behavior() }) }, glyph(direction < 0 ? "left" : "right"));
  const [back, on] = [step(-1, "Previous"), step(1, "Next")];
  const why = el("button", { class: "button plain why", type: "button", "aria-haspopup": "dialog", "aria-label": `Why am I seeing ${placement.title}?`, onclick: () => showWhy(placement) },
    glyph("info"), el("span", { class: "why-text" }, "Why this?"));
  walkable(list);
  followEnds(list, back, on);
  return el("section", { class: "shelf", "aria-labelledby": id, "data-placement": placement.id },
    el("div", { class: "shelf-head" },
      el("div", {}, el("span", { class: "need" }, need(placement.need)), el("h2", { id }, placement.title), el("p", {}, placement.why)),
      el("div", { class: "shelf-tools" }, why, back, on)),
    el("p", { class: "unseen" }, "Left and right arrow keys move between products."),
    list);
}

/** One tile of a list is in the tab order; arrow keys, Home and End move on from it. */
function walkable(list) {
  const tiles = [...list.children];
  const activate = (current) => {
    for (const item of tiles) for (const button of item.querySelectorAll("button")) button.tabIndex = item === current ? 0 : -1;
  };
  activate(tiles[0]);
  list.addEventListener("focusin", (event) => activate(event.target.closest(".tile")));
  list.addEventListener("keydown", (event) => {
    const from = tiles.indexOf(event.target.closest(".tile"));
    const to = { ArrowRight: from + 1, ArrowLeft: from - 1, Home: 0, End: tiles.length - 1 }[event.key];
    if (from < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = tiles[Math.min(Math.max(to, 0), tiles.length - 1)];
    next.querySelector(event.target.classList.contains("add") ? ".add" : ".name-button").focus({ preventScroll: true });
    next.scrollIntoView({ behavior: behavior(), block: "nearest", inline: "nearest" });
  });
}

/** Switch the arrows off where there is nothing more to see. */
function followEnds(list, back, on) {
  const update = () => {
    back.disabled = list.scrollLeft < 8;
    on.disabled = list.scrollLeft + list.clientWidth > list.scrollWidth - 8;
  };
  list.addEventListener("scroll", () => requestAnimationFrame(update), { passive: true });
  new ResizeObserver(update).observe(list);
}

/** Return shelves without content, shown while a page is on its way. */
export function bones() {
  const bone = () => el("div", { class: "tile" }, el("div", { class: "bone tall" }), el("div", { class: "bone line" }), el("div", { class: "bone line short" }));
  const row = () => el("div", { class: "shelf" }, el("div", { class: "bone title" }), el("div", { class: "tiles" }, Array.from({ length: 8 }, bone)));
  return el("div", { class: "shelves", "aria-hidden": "true" }, row(), row(), row());
}
