// The picture of a product: a drawing for its aisle on a tint of its department, the same every time.

import { svg } from "./elements.js";

const folder = new URL(".", import.meta.url).pathname;
const table = await (await fetch(`${folder}art.json`)).json();
const HUE_SPREAD = 14;

function hash(text) {
  let state = 2166136261;
  for (const char of text) state = Math.imul(state ^ char.codePointAt(0), 16777619) >>> 0;
  return (Math.imul(state ^ (state >>> 15), 2246822519) ^ (state >>> 13)) >>> 0;
}

function symbolOf(product) {
  const department = table.departments[product.department.toLowerCase()] ?? table.departments.other;
  if (product.department.toLowerCase() === "produce") {
    const words = product.name.toLowerCase().split(/[^a-z]+/);
    const known = words.findLast((word) => Object.hasOwn(table.produce_words, word));
    if (known) return table.produce_words[known];
  }
  return table.aisles[product.aisle.toLowerCase()] ?? department.symbol;
}

export const hueOf = (text) => hash(text) % 360;

/** Return the drawing of a product `{id, name, aisle, department}`; it says nothing that the name does not. */
export function art(product) {
  const department = table.departments[product.department.toLowerCase()];
  const symbol = symbolOf(product);
  const base = table.symbol_hues[symbol] ?? department?.hue ?? hueOf(product.department);
  const seed = hash(`${product.id}`);
  const place = (shift, low, span) => low + ((seed >>> shift) % span);
  return svg(
    "svg",
    { class: "art", viewBox: "0 0 160 120", "aria-hidden": "true", vars: { hue: base + place(3, -HUE_SPREAD, 2 * HUE_SPREAD) } },
    svg("circle", { class: "blob", cx: place(5, 10, 140), cy: place(9, 66, 40), r: place(13, 34, 22) }),
    svg("circle", { class: "blob", cx: place(11, 10, 140), cy: place(17, 6, 26), r: place(19, 12, 18) }),
    svg("use", { href: `${folder}art.svg#${symbol}`, x: 42, y: 24, width: 76, height: 76, transform: `rotate(${place(21, -5, 11)} 80 62)` }),
  );
}

/** Return the drawing of an empty basket. */
export const emptyArt = () => art({ id: "0", name: "", aisle: "", department: "other" });
