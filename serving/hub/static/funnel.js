// The way of a page's themes: candidates, keywords, products, verdicts; what was dropped keeps its reason.

import { count, el, glyph, pills, svg } from "./elements.js";
import { table } from "./charts.js";
import * as words from "./words.js";

const [WIDTH, HEIGHT, HEAD, BLOCK, GAP, LABELS] = [1180, 340, 58, 14, 6, 250];
const chosen = (theme) => [...theme.keywords, ...theme.categories, ...theme.filters];
const shown = (theme) => theme.products.filter((product) => product.shown);
const STAGES = [
  ["themes", () => 1],
  ["candidate terms", (theme) => theme.candidate_count],
  ["words chosen", (theme) => chosen(theme).length],
  ["products found", (theme) => theme.products.length],
  ["products shown", (theme) => (theme.kept ? shown(theme).length : 0)],
  ["on the page", (theme) => (theme.kept ? 1 : 0)],
];

/** Themes in page order: the number that ends an id is the theme's place. */
export function inOrder(themes) {
  const place = (theme) => Number(/(\d+)$/.exec(theme.id)?.[1] ?? 0);
  return themes.toSorted((one, other) => place(one) - place(other));
}

/** Return the drawing of all stages side by side: a band per theme, as thick as its share of the stage. */
export function drawing(themes) {
  const columns = STAGES.map(([, amount]) => blocks(themes.map(amount)));
  const x = (stage) => LABELS + (stage * (WIDTH - LABELS - 90)) / (STAGES.length - 1);
  const bands = themes.map((theme, row) => {
    const kind = theme.kept ? "kept" : "dropped";
    const parts = columns.map((column, stage) => svg("rect", { class: kind, x: x(stage), y: column[row].top, width: BLOCK, height: column[row].size, rx: 2 }));
    const joins = columns.slice(1).map((column, stage) => svg("path", { class: kind, d: ribbon(x(stage) + BLOCK, columns[stage][row], x(stage + 1), column[row]) }));
    const middle = columns[0][row].top + columns[0][row].size / 2 + 4;
    return svg("g", { vars: { turn: row } }, svg("title", {}, `${theme.title}: ${STAGES.map(([name, amount]) => `${amount(theme)} ${name}`).join(", ")}`),
      joins, parts, svg("text", { x: LABELS - 12, y: middle, "text-anchor": "end" }, short(theme.title, 34)));
  });
  const heads = STAGES.map(([name, amount], stage) => [
    svg("text", { class: "total", x: x(stage), y: 24 }, sum(themes.map(amount)).toLocaleString("en")),
    svg("text", { class: "label", x: x(stage), y: 44 }, name)]);
  const told = STAGES.map(([name, amount]) => `${sum(themes.map(amount))} ${name}`).join(", ");
  return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Funnel" }, svg("svg", { class: "flow", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Funnel: ${told}` }, heads, bands));
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Divide a column among its themes; one without a share keeps a thin line, so that it can be followed. */
function blocks(amounts) {
  const room = HEIGHT - HEAD - 10 - GAP * (amounts.length - 1);
  const thin = 2;
  const total = sum(amounts) || 1;
  let top = HEAD;
  return amounts.map((amount) => {
    const size = Math.max(thin, ((room - thin * amounts.length) * amount) / total);
    const block = { top, size };
    top += size + GAP;
    return block;
  });
}

function ribbon(x1, from, x2, to) {
  const middle = (x1 + x2) / 2;
  return `M${x1} ${from.top}C${middle} ${from.top} ${middle} ${to.top} ${x2} ${to.top}V${to.top + to.size}C${middle} ${to.top + to.size} ${middle} ${from.top + from.size} ${x1} ${from.top + from.size}Z`;
}

/** Return each theme as a line that opens into its words, products and verdicts. */
export function lines(themes) {
  return el("section", { class: "card", "aria-labelledby": "lines-title" }, el("h2", { id: "lines-title" }, "Theme by theme"), themes.map(line));
}

function line(theme) {
  const out = theme.products.length - shown(theme).length;
  const found = theme.products.length ? `${count(shown(theme).length, "product")}${out ? `, ${out} taken out` : ""}` : "no products kept on record";
  const end = theme.kept ? el("span", { class: "pill good" }, "on the page") : el("span", { class: "pill warn" }, "dropped");
  return el("details", { class: "theme" },
    el("summary", {}, glyph("right"), el("span", {}, el("b", {}, theme.title), el("br"), el("span", { class: "quiet small" }, words.need(theme.need))),
      el("span", { class: "small quiet" }, chosen(theme).length ? `${chosen(theme).slice(0, 3).join(", ")}${chosen(theme).length > 3 ? ` and ${chosen(theme).length - 3} more` : ""}` : "no words on record"),
      el("span", { class: "small quiet" }, found), el("span", { class: "chain" }, theme.verdicts.map(mark)), el("span", {}, end)),
    el("div", { class: "inside" }, inside(theme)));
}

function mark(verdict) {
  const told = words.skipped(verdict) ? verdict.reasons.join("; ") : verdict.outcome;
  const drawn = words.skipped(verdict) ? "minus" : { pass: "check", error: "bang" }[verdict.outcome] ?? (verdict.action === "prune" ? "scissors" : "cross");
  return el("span", { class: "mark", "data-outcome": words.skipped(verdict) ? "skipped" : verdict.outcome, role: "img", "aria-label": `${verdict.guard}: ${told}`, title: `${verdict.guard}: ${told}` }, glyph(drawn));
}

function inside(theme) {
  const section = (title, ...content) => el("section", {}, el("h3", {}, title), content);
  const goods = (products) => el("ul", { class: "goods" }, products.map((product) =>
    el("li", { class: product.shown ? null : "out" }, el("span", {}, product.name), el("span", { class: "quiet small" }, product.shown ? words.number(product.score) : `taken out by ${product.pruned_by}`))));
  return [
    !theme.kept && section(`Dropped by ${theme.dropped_by}`, el("ul", { class: "reasons" }, theme.reasons.map((reason) => el("li", {}, reason)))),
    theme.rationale && el("p", { class: "quiet" }, theme.rationale),
    el("div", { class: "split" },
      theme.concepts.length > 0 && section("Concepts", pills(theme.concepts)),
      chosen(theme).length > 0 && section(`Words, out of ${count(theme.candidate_count, "candidate")}`, pills(chosen(theme), "good"))),
    theme.products.length > 0 && section("Products", goods(theme.products)),
    theme.verdicts.length > 0 && section(`Verdicts, ${count(theme.attempts, "attempt")}`, verdictTable(theme)),
  ];
}

function verdictTable(theme) {
  const columns = [{ name: "Guard" }, { name: "Verdict" }, { name: "Score", number: true }, { name: "Threshold", number: true }, { name: "Reasons" }];
  const rows = theme.verdicts.map((verdict) => [
    verdict.guard, `${verdict.outcome}${verdict.action === "keep" ? "" : `, ${verdict.action}`}`, words.number(verdict.score, 3), words.number(verdict.threshold, 3),
    el("ul", { class: "reasons" }, verdict.reasons.map((reason) => el("li", {}, reason)))]);
  return table(`Verdicts on ${theme.title}`, columns, rows);
}
