// What the annotation page shows: who annotates, an item with its questions, how far one is, the keys.

import { openDialog } from "./dialog.js";
import { el } from "./elements.js";
import { keysOn, setKeys } from "./annotate-keys.js";
import * as words from "./words.js";

const CHOICES = [["yes", "Yes", "y"], ["no", "No", "n"], ["unsure", "Unsure", "u"]];
const KEYS = [[["y"], "yes"], [["n"], "no"], [["u"], "unsure: you looked and cannot tell"], [["↑", "↓"], "another question"], [["←", "→"], "another item"],
  [["1", "…", "0"], "mark a product that does not fit the title, or unmark it; with Shift the eleventh and on"],
  [["c"], "comment on the answer; Escape leaves the text"], [["z"], "undo, as often as you like (Backspace too)"], [["?"], "this help"]];
const view = document.getElementById("view");
const key = (name) => el("kbd", { "aria-hidden": "true" }, name);
const list = (names, none) => (names.length ? names.join(", ") : none);
const sentence = (text) => text[0].toUpperCase() + text.slice(1);

function show(...content) {
  view.replaceChildren(...content);
  document.getElementById("main").setAttribute("aria-busy", "false");
}

/** Let the visitor say who they are. */
export function drawPeople({ annotators, items, questions }) {
  const rows = annotators.map(({ annotator, answered, total }) =>
    el("li", {}, el("a", { class: "button", href: `?${new URLSearchParams({ annotator })}` }, annotator, el("small", {}, answered === total ? "done" : `${answered} of ${total} answered`))));
  show(el("div", { class: "stack" }, el("h1", {}, "Who is annotating?"),
    el("p", { class: "quiet" }, `${items} items, ${questions.length} yes or no questions on each. Answers are stored as you give them: stop and go on whenever you like. What others answered is not shown.`),
    el("ul", { class: "people" }, rows)));
}

/** Show how far the annotator is. */
export function standing(annotator, { answered, total }) {
  document.getElementById("standing").hidden = document.getElementById("tools").hidden = false;
  Object.assign(document.getElementById("meter"), { max: total, value: answered });
  document.getElementById("meter-text").textContent = `${answered} of ${total} answered`;
  const who = document.getElementById("who");
  who.textContent = annotator;
  who.setAttribute("aria-label", `You are ${annotator}. Change who annotates`);
  who.onclick = () => location.assign(location.pathname);
}

/** Show an item with its questions; `actions` are what buttons do. */
export function drawItem(state, actions) {
  const { item, number, study } = state;
  const one = item.level === "placement";
  const head = el("div", { class: "titled" }, el("h1", {}, `Item ${number + 1} of ${study.items}`),
    el("div", { class: "steps" },
      el("button", { class: "button", type: "button", disabled: number === 0, onclick: () => actions.step(-1) }, key("←"), "Previous"),
      el("button", { class: "button", type: "button", disabled: number + 1 === study.items, onclick: () => actions.step(1) }, "Next", key("→"))));
  const shown = item.placements.map((placement) => placementCard(placement, one ? state : null, actions));
  show(el("div", { class: "stack" }, head, el("div", { id: "note" }),
    el("div", { class: "bench" },
      el("div", { class: "placements" }, shopperCard(item.shopper), shown),
      el("section", { class: "questions", "aria-label": "Questions" }, study.questions.map((question, at) => questionCard(question, at, state, actions))))));
}

function shopperCard({ bought, aisles, preferences }) {
  return el("section", { class: "card", "aria-labelledby": "shopper-title" }, el("h2", { id: "shopper-title" }, "The shopper"),
    el("dl", { class: "traits" },
      el("dt", {}, "Buys"), el("dd", {}, list(bought, "new here, nothing known")),
      el("dt", {}, "Aisles"), el("dd", {}, list(aisles, "unknown")),
      el("dt", {}, "Prefers"), el("dd", {}, list(preferences, "nothing known"))));
}

function placementCard(placement, state, actions) {
  const goods = state
    ? el("ol", { class: "goods", "aria-label": "Products. Check those that do not fit the title" }, placement.products.map((name, place) => product(name, place, state.marks.has(place), actions)))
    : el("p", { class: "plain-goods" }, list(placement.products, "no products"));
  return el("section", { class: "card placement" }, el("span", { class: "need" }, words.need(placement.need)), el("h2", {}, placement.title), el("p", { class: "quiet" }, placement.rationale),
    state && el("p", { class: "small quiet" }, placement.products.length ? "Check what does not fit the title:" : "No products."), placement.products.length ? goods : null);
}

function product(name, place, marked, actions) {
  const hint = place < 10 ? `${(place + 1) % 10}` : `⇧${(place - 9) % 10}`;
  return el("li", {}, el("label", { class: "mark" }, el("input", { type: "checkbox", checked: marked, onchange: () => actions.mark(place) }), el("span", {}, name), key(hint)));
}

function questionCard(question, at, state, actions) {
  const given = state.answers[question.name];
  const current = at === state.at;
  const said = state.comments[question.name] ?? given?.comment ?? "";
  const note = el("p", { class: "said", hidden: !said }, said);
  const open = el("button", { class: "button plain comment", type: "button", "aria-keyshortcuts": current ? "c" : null, onclick: () => write(true) }, "Comment", current && key("c"));
  const box = el("textarea", { maxlength: 500, hidden: true, "aria-label": `Comment on: ${question.text}`, onblur: () => write(false), onkeydown: (event) => event.key === "Escape" && open.focus() });
  box.value = said;
  // In place: a button drawn anew under the pointer would lose the click that ends the writing.
  const write = (on) => {
    box.hidden = !on;
    note.textContent = box.value.trim();
    note.hidden = on || !note.textContent;
    if (on) box.focus();
    else actions.comment(at, note.textContent);
  };
  return el("fieldset", { class: "question", tabindex: -1, "data-current": `${current}`, "aria-current": current ? "step" : null },
    el("legend", {}, sentence(question.text)),
    el("div", { class: "choices" }, CHOICES.map(([value, label, letter]) =>
      el("button", { class: "button", type: "button", "aria-pressed": `${given?.answer === value}`, "aria-keyshortcuts": current ? letter : null, onclick: () => actions.answer(value, at) }, label, current && key(letter))), open),
    note, box);
}

/** Show whether the product at `place` is marked. */
export function showMark(place, marked) {
  view.querySelectorAll(".mark input")[place].checked = marked;
}

/** Say above the item that all is answered. */
export function finished(again) {
  const note = document.getElementById("note");
  note.replaceChildren(el("div", { class: "notice", role: "status" }, el("p", {}, el("strong", {}, "All questions are answered. Thank you."), "You may look through your answers and change them."),
    el("button", { class: "button", type: "button", onclick: again }, "From the start")));
}

/** Show what went wrong; `again` tries it anew. */
export function fault(error, again) {
  const told = el("div", { class: "notice bad", role: "alert" }, el("p", {}, el("strong", {}, error.title), error.message, again ? "" : " Your last answer was not stored: give it again."),
    again && el("button", { class: "button", type: "button", onclick: again }, "Try again"));
  const note = document.getElementById("note");
  if (note) note.replaceChildren(told);
  else show(told);
}

/** Show keys and questions. */
export function showHelp(questions) {
  const rows = KEYS.flatMap(([names, does]) => [el("dt", {}, names.map((name) => el("kbd", {}, name))), el("dd", {}, does)]);
  const on = el("input", { type: "checkbox", checked: keysOn(), onchange: (event) => setKeys(event.target.checked) });
  openDialog("Help", el("dl", { class: "keys" }, rows), el("label", { class: "switch" }, on, "Single letters and digits are keys"),
    el("p", { class: "quiet" }, "Answer by what you see, as a shopper of this shop would. Where two answers seem right, take the stricter one; say why in a comment."),
    el("div", {}, el("h3", {}, "Questions"), el("ul", {}, questions.map((question) => el("li", {}, sentence(question.text))))));
}
