// The annotation page: one item at a time, its questions answered by key or by click. Answers are stored one by one.

import * as api from "./api.js";
import { closeDialog } from "./dialog.js";
import { say } from "./elements.js";
import { askToken } from "./token.js";
import { drawItem, drawPeople, fault, finished, showHelp, showMark, standing } from "./annotate-view.js";
import { listen } from "./annotate-keys.js";

const WORDS = { yes: "Yes", no: "No", unsure: "Unsure" };
const annotator = new URLSearchParams(location.search).get("annotator");
const own = annotator && `/${encodeURIComponent(annotator)}`;
const state = { study: null, mine: null, item: null, number: 0, at: 0, marks: new Set(), comments: {} };
let turn = Promise.resolve();

/** Do one thing after the other: keys may come faster than the server answers. */
function inTurn(work) {
  turn = turn.then(work).catch(failed);
  return turn;
}

function failed(error) {
  if (!(error instanceof api.Problem)) throw error;
  if (error.status === 401 || error.status === 403) askToken(begin);
  fault(error, state.item ? null : () => inTurn(begin));
}

const questions = () => state.study.questions;
const isMarked = (question) => question.marks;

async function open(number) {
  const shown = await api.annotation(`${own}/items/${number}`);
  Object.assign(state, { number, item: shown.item, answers: shown.answers, comments: {} });
  const marked = questions().find(isMarked);
  state.marks = new Set(marked && shown.answers[marked.name]?.misfits);
  const first = questions().findIndex((question) => !shown.answers[question.name]);
  state.at = Math.max(first, 0);
  draw(true);
  say(`Item ${number + 1} of ${state.study.items}: ${shown.item.placements.map((placement) => placement.title).join(", ")}`);
}

function draw(opened = false) {
  drawItem(state, actions);
  standing(annotator, state.mine.progress);
  document.querySelector("[data-current=true]").focus({ preventScroll: opened });
  // On a phone the questions stand below: what is asked about comes first.
  if (opened) scrollTo(0, 0);
}

async function store(question, answer) {
  const before = state.answers[question.name];
  const comment = state.comments[question.name] ?? before?.comment ?? "";
  const misfits = isMarked(question) ? [...state.marks].sort((a, b) => a - b) : [];
  state.mine.progress = await api.annotate(`${own}/answers`, { item: state.item.id, question: question.name, answer, comment, misfits });
  if (!before) state.mine.answered[state.number] += 1;
  state.answers[question.name] = { answer, comment, misfits };
}

async function answer(value, at = state.at) {
  const question = questions()[at];
  await store(question, value);
  const open_ = questions().findIndex((other) => !state.answers[other.name]);
  if (open_ >= 0) {
    state.at = open_;
    draw();
    say(`${WORDS[value]}. Next: ${questions()[open_].text}`);
    return;
  }
  say(`${WORDS[value]}. Item ${state.number + 1} is done.`);
  await next();
}

/** Go on to the next item with an open question, after this one if there is any. */
async function next() {
  const open_ = state.mine.answered.map((count, number) => [number, count]).filter(([, count]) => count < questions().length).map(([number]) => number);
  const number = open_.find((number) => number > state.number) ?? open_[0];
  if (number !== undefined) return open(number);
  state.at = questions().length - 1;
  draw();
  finished(() => inTurn(() => open(0)));
}

async function undo() {
  const taken = await api.annotate(`${own}/undo`);
  if (taken.number === null) return say("There is nothing to take back.");
  state.mine = await api.annotation(own);
  await open(taken.number);
  state.at = questions().findIndex((question) => question.name === taken.question);
  draw();
  say(`Taken back: ${questions()[state.at].text}`);
}

async function mark(place) {
  const question = questions().find(isMarked);
  if (!question || place >= state.item.placements[0].products.length) return;
  if (!state.marks.delete(place)) state.marks.add(place);
  const given = state.answers[question.name];
  if (given) await store(question, given.answer);
  showMark(place, state.marks.has(place));
  say(`${state.item.placements[0].products[place]}: ${state.marks.has(place) ? "marked as not fitting" : "no longer marked"}`);
}

async function comment(at, text) {
  const question = questions()[at];
  if (text === (state.comments[question.name] ?? state.answers[question.name]?.comment ?? "")) return;
  state.comments[question.name] = text;
  if (state.answers[question.name]) await store(question, state.answers[question.name].answer);
  say(state.answers[question.name] ? "Comment stored" : "The comment is stored with the answer");
}

function point(at) {
  state.at = Math.min(Math.max(at, 0), questions().length - 1);
  draw();
}

const step = async (by) => {
  const number = state.number + by;
  if (number >= 0 && number < state.study.items) await open(number);
};

const actions = {
  answer: (value, at) => inTurn(() => answer(value, at)),
  comment: (at, text) => inTurn(() => comment(at, text)),
  mark: (place) => inTurn(() => mark(place)),
  step: (by) => inTurn(() => step(by)),
  question: (by) => inTurn(() => point(state.at + by)),
  undo: () => inTurn(undo),
  write: () => document.querySelector("[data-current=true] .comment")?.click(),
  help: () => showHelp(questions()),
};

async function begin() {
  closeDialog();
  state.study = await api.annotation();
  if (!own) return drawPeople(state.study);
  state.mine = await api.annotation(own);
  await open(state.mine.resume);
  if (state.mine.progress.answered === state.mine.progress.total) finished(() => inTurn(() => open(0)));
}

document.getElementById("undo").addEventListener("click", actions.undo);
document.getElementById("help").addEventListener("click", actions.help);
listen(actions);
await inTurn(begin);
