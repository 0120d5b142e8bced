// What a search was understood as: chips, a note on its spelling, and other searches as links.

import { el } from "./elements.js";

const KINDS = { synonym: "Also called", broader: "More of this kind", substitute: "Instead" };

const pretty = (text) => text.replaceAll("_", " ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const plain = (text) => text.trim().toLowerCase().replaceAll(/\s+/g, " ");

/** Tell whether the spelling of what was typed was repaired. */
export const isRepaired = (typed, intent) => plain(typed) !== intent.corrected && plain(intent.query) !== intent.corrected;

/** Return what stands in the place of the chips until they are known. */
export function reading() {
  return el("p", { class: "quiet small" }, "Reading your search …");
}

/** Say that the results are those of the repaired spelling; `link` makes a link to a search. */
export function spelling(typed, intent, link) {
  return el("p", { class: "spelling", role: "note" }, "Showing results for ", link(intent.corrected), ". ", el("span", { class: "quiet" }, "Search instead for ", link(typed, "1")));
}

/** Return the rewrites whose products fill a thin page: the best synonym and the best substitute. */
export const fillingRewrites = (intent) => ["synonym", "substitute"].flatMap((kind) => intent.rewrites[kind]?.slice(0, 1) ?? []);

/** Say that products of other searches fill the page. */
export function alsoShown(texts, link) {
  return el("p", { class: "spelling", role: "note" }, "Few products say all of it: also showing ", texts.flatMap((text, at) => [at ? ", " : "", link(text)]), ".");
}

/** Return the parts that draw an intent: chips of its words and aisles, links to its rewrites; none where it says nothing. */
export function understood(intent, link) {
  const chips = [
    intent.product && ["Product", intent.product],
    intent.brand && ["Brand", intent.brand],
    ...intent.attributes.map((item) => [capital(pretty(item.type)), item.value]),
    ...intent.categories.slice(0, 2).map((path) => ["Aisle", path]),
  ].filter(Boolean);
  const others = Object.entries(KINDS).filter(([kind]) => intent.rewrites[kind]?.length);
  return [
    chips.length ? el("ul", { class: "pills", "aria-label": "Understood as" }, chips.map(([name, text]) => el("li", { class: "pill" }, el("span", { class: "quiet" }, `${name}: `), text))) : null,
    others.length ? el("nav", { class: "others", "aria-label": "Other searches" }, others.map(([kind, name]) =>
      el("div", {}, el("span", { class: "quiet" }, `${name}: `), el("ul", { "aria-label": name }, intent.rewrites[kind].map((text) => el("li", {}, link(text))))))) : null,
  ].filter(Boolean);
}
