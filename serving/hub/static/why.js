// "Why am I seeing this": where a shelf comes from and what was checked, with the scores.

import { el, glyph, pills } from "./elements.js";
import { openDialog } from "./dialog.js";
import * as words from "./words.js";

const MARKS = { pass: "check", error: "bang" };
const share = (value) => Math.min(Math.max(value, 0), 1);

/** Open the dialog for a placement as the API sends it. */
export function showWhy(placement) {
  openDialog(
    "Why am I seeing this?",
    el("div", {}, el("p", { class: "need" }, words.need(placement.need)), el("p", { class: "lead" }, el("b", {}, placement.title)), el("p", { class: "quiet" }, placement.why)),
    listed("What the shelf is about", "The idea behind it, before any product was looked up.", placement.concepts),
    listed("Words it was filled with", "Search words chosen from the shop's own vocabulary.", placement.keywords, "good"),
    checks(placement.verdicts),
    fits(placement),
  );
}

function listed(title, explained, texts, kind) {
  if (!texts?.length) return "";
  return el("section", {}, el("h3", {}, title), el("p", { class: "quiet small" }, explained), el("div", { class: "gap" }, pills(texts, kind)));
}

function checks(verdicts) {
  if (!verdicts?.length) return el("p", { class: "quiet" }, "This shelf was made by fixed rules, without a language model.");
  const last = new Map(verdicts.map((verdict) => [verdict.guard, verdict]));
  return el("section", {}, el("h3", {}, "What was checked"), el("ul", { class: "checks" }, [...last.values()].map(check)));
}

function check(verdict) {
  const skipped = words.skipped(verdict);
  const mark = skipped ? "minus" : verdict.outcome === "fail" && verdict.action === "prune" ? "scissors" : (MARKS[verdict.outcome] ?? "bang");
  const reasons = verdict.outcome === "pass" ? [] : verdict.reasons;
  return el("li", { class: "check", "data-outcome": skipped ? "skipped" : verdict.outcome },
    el("span", { class: "badge" }, glyph(mark)),
    el("div", {}, el("b", {}, words.guard(verdict.guard)), el("p", { class: "said" }, words.outcome(verdict)),
      reasons.length > 0 && el("details", {}, el("summary", { class: "small" }, "Details"), el("ul", {}, reasons.map((reason) => el("li", {}, reason)))),
      verdict.score !== null && scored(verdict)));
}

function scored({ score, threshold }) {
  const needed = threshold === null ? "" : `, at least ${words.number(threshold)} needed`;
  const bar = threshold === null ? null : el("b", { vars: { bar: share(threshold) } });
  return [el("div", { class: "gauge", "aria-hidden": "true" }, el("i", { vars: { part: share(score) } }), bar), el("p", { class: "said" }, `Score ${words.number(score)}${needed}`)];
}

function fits(placement) {
  const known = placement.products.filter((product) => (product.relevance ?? null) !== null);
  const place = placement.score === null ? "" : `This shelf scored ${words.number(placement.score)} for its place on your page. `;
  if (!known.length) return place ? el("p", { class: "quiet small" }, place) : "";
  const rows = known.map((product) => el("li", {}, el("span", {}, product.name),
    el("div", { class: "gauge", "aria-hidden": "true" }, el("i", { vars: { part: share(product.relevance) } })), el("output", {}, words.number(product.relevance))));
  return el("details", {}, el("summary", {}, "How well each product fits"), el("p", { class: "quiet small" }, `${place}1 is a perfect fit with the title.`), el("ul", { class: "fits" }, rows));
}
