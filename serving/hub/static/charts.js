// Figures as cards, counts as bars.

import { el } from "./elements.js";

/** Return cards of `[label, value, note]`. */
export function cards(figures) {
  return el("dl", { class: "cards" }, figures.map(([label, value, note]) =>
    el("div", { class: "card" }, el("dt", {}, label), el("dd", {}, value, note && el("small", {}, note)))));
}

/** Return a card of horizontal bars for `[name, label, count]`, longest bar full; zero counts are left out. */
export function bars(title, counts, kind = "", empty = "None so far.") {
  const shown = counts.filter(([, , amount]) => amount > 0);
  const most = Math.max(1, ...shown.map(([, , amount]) => amount));
  const rows = shown.map(([name, label, amount]) =>
    el("li", { "data-name": name }, el("span", {}, label),
      el("div", { class: "track", "aria-hidden": "true" }, el("i", { vars: { part: amount / most } })), el("output", {}, amount.toLocaleString("en"))));
  return el("section", { class: "card" }, el("h2", {}, title), rows.length ? el("ul", { class: `bars ${kind}` }, rows) : el("p", { class: "quiet" }, empty));
}

/** Return a table; a column is `{name, number}`, a cell a text, a node, or nothing. */
export function table(caption, columns, rows) {
  const kind = (column) => (column.number ? "number" : null);
  return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    el("table", {}, el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col", class: kind(column) }, column.name)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell, place) => el("td", { class: kind(columns[place]) }, cell)))))));
}
