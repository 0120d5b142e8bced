// The Shopping Hub: which shopper, which page, what is shown while it is made. The other modules draw the parts.

import * as api from "./api.js";
import { count, el, glyph, pills, say } from "./elements.js";
import { emptyArt } from "./art.js";
import { basketOf, showBasket } from "./basket.js";
import { feedbackFor } from "./feedback.js";
import { pickShopper, showWho } from "./picker.js";
import { Progress } from "./progress.js";
import { alsoShown, fillingRewrites, isRepaired, reading, spelling, understood } from "./query.js";
import { bones, shelf } from "./shelf.js";
import { SEARCH, tile } from "./tile.js";
import { askToken } from "./token.js";
import * as words from "./words.js";

const TYPING_MS = 250;
const ASK_AGAIN_MS = 2000;
const main = document.getElementById("main");
const view = document.getElementById("view");
const query = document.getElementById("query");

let shopper = "";
let shown = "";
let known = [];
let leaving = new AbortController();
let searching = new AbortController();

/* ---- where we are: kept in the address, so that links and "back" work ---- */

const address = () => new URLSearchParams(location.search);

function go(changes, { replace = false } = {}) {
  const wanted = address();
  for (const [key, value] of Object.entries(changes)) value ? wanted.set(key, value) : wanted.delete(key);
  history[replace ? "replaceState" : "pushState"](null, "", `?${wanted}`);
  return arrive();
}

async function arrive() {
  const wanted = address();
  shown = location.search;
  shopper = wanted.get("shopper") || known[0]?.id || "new-shopper";
  leaving.abort();
  searching.abort();
  leaving = new AbortController();
  showWho(shopper, known.find((item) => item.id === shopper));
  basketOf(shopper);
  feedbackFor(shopper);
  if (query.value.trim() !== (wanted.get("q") ?? "")) query.value = wanted.get("q") ?? "";
  document.title = `${words.shopper(shopper)} · Shelfwise`;
  await (wanted.get("q") ? showResults(wanted.get("q")) : showPage());
}

/* ---- the page ---- */

async function showPage() {
  const { signal } = leaving;
  show([el("p", { class: "unseen" }, "Loading shelves"), bones()], true);
  const page = await attempt(() => api.page(shopper, signal), showPage);
  if (!page) return;
  drawPage(page);
  say(`${words.shopper(page.shopper_id)}: ${count(page.placements.length, "shelf", "shelves")}`);
  if (page.regenerating) await follow(signal);
}

function drawPage(page) {
  const shelves = page.placements.filter((placement) => placement.products.length);
  show([
    el("div", { class: "stack" }, hero(page), notice(page), el("div", { id: "making" })),
    shelves.length ? el("div", { class: "shelves" }, shelves.map(shelf)) : nothing(),
  ]);
}

function hero(page) {
  const products = page.placements.reduce((sum, placement) => sum + placement.products.length, 0);
  const sizes = `${count(page.placements.length, "shelf", "shelves")}, ${count(products, "product")}`;
  const refresh = el("button", { class: "button", id: "refresh", type: "button", onclick: remake }, glyph("refresh"), "Refresh shelves");
  return el("div", { class: "hero" },
    el("div", {}, el("h1", {}, page.cold ? "Welcome to the shop" : `Shelves for ${words.shopper(page.shopper_id).replace("Shopper", "shopper")}`),
      el("p", { class: "persona" }, page.persona),
      pills([page.cold && "New shopper", sizes].filter(Boolean))),
    el("div", { class: "hero-side" }, el("span", { class: "quiet small" }, page.provisional ? "Not made for you yet" : `Made ${words.age(page.age_s)}`), refresh));
}

function notice(page) {
  const told = (title, text, kind = "") => el("div", { class: `notice ${kind}`, role: "note" }, el("p", {}, el("strong", {}, title), text));
  if (page.state === "degraded") return told("Shown from a copy", "The store of pages does not answer just now, so this is the last page we kept. It may be a little old.", "warn");
  if (page.provisional && page.regenerating) return told("A first look", "Your own shelves are being made. Until they are ready, here is what sells well.");
  if (page.provisional) return told("What sells well", "Your own shelves could not be made for now. These are chosen by simple rules.", "warn");
  if (page.fallback) return told("Chosen by simple rules", `Shelves written for you did not pass their checks, so these show what you buy and what is popular.${page.fallback_reason ? ` Cause: ${page.fallback_reason}.` : ""}`, "warn");
  if (page.state === "stale" && !page.regenerating) return told("A little old", "These shelves were made a while ago. Refresh them for new ones.");
  return null;
}

function nothing() {
  return el("section", { class: "empty", "aria-labelledby": "empty-title" }, emptyArt(), el("h2", { id: "empty-title" }, "No shelves yet"),
    el("p", {}, "Nothing that was thought up for this page passed its checks. Search for what you need, or have the page made again."),
    el("button", { class: "button primary", type: "button", onclick: remake }, "Make my page"));
}

/* ---- making it new ---- */

async function remake() {
  const { signal } = leaving;
  const started = await attempt(() => api.regenerate(shopper), remake, { keep: true });
  if (started && !signal.aborted) await follow(signal);
}

/** Show the run of this shopper until it ends, then its page. */
async function follow(signal) {
  const progress = new Progress();
  const place = document.getElementById("making");
  place.replaceChildren(progress.element);
  document.getElementById("refresh").disabled = true;
  say("Your page is being made");
  for (;;) {
    const ended = await runToEnd(progress, signal);
    if (signal.aborted) return;
    if (ended?.event === "failed") return failed(place, ended.data.reason);
    const page = await attempt(() => api.page(shopper, signal), showPage);
    if (!page) return;
    if (!page.regenerating) return renew(page);
    // The stream broke off, or another server makes the page.
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** Give the run's events to `progress`; return the one that ended it, or null if the stream ended without. */
async function runToEnd(progress, signal) {
  try {
    for await (const { event, data } of api.events(shopper, signal)) {
      if (event !== "progress") return { event, data };
      progress.take(data);
    }
  } catch (error) {
    if (error instanceof api.Problem) return { event: "failed", data: { reason: error.message } };
  }
  return null;
}

/** Draw a page in the place of the one that is read now; who was in it with the keyboard stays in it. */
function renew(page) {
  const within = view.contains(document.activeElement);
  drawPage(page);
  if (within) document.getElementById("refresh").focus({ preventScroll: true });
  say("Your new page is ready");
}

function failed(place, reason) {
  document.getElementById("refresh").disabled = false;
  place.replaceChildren(el("div", { class: "notice bad", role: "alert" }, el("p", {}, el("strong", {}, "The page could not be made"), reason),
    el("button", { class: "button", type: "button", onclick: remake }, "Try again")));
}

/* ---- search ---- */

const searched = [];

/** Return what was searched for before `text`, oldest first; what was only the way to `text` does not count. */
function searchedBefore(text) {
  if (searched.length && text.startsWith(searched.at(-1))) searched.pop();
  searched.push(text);
  return searched.slice(-4, -1);
}

async function showResults(text) {
  const { signal } = (searching = new AbortController());
  // Results do not wait for it: where it fails, the search is as good as without.
  const asked = api.intent(text, searchedBefore(text), signal).catch(() => null);
  const found = await attempt(() => api.search(text, shopper, signal), () => showResults(text));
  if (!found) return;
  drawResults(found, reading());
  say(`${count(found.products.length, "product")} for ${found.query}`);
  const intent = await asked;
  if (!signal.aborted) await showUnderstood(text, found, intent, signal);
}

/** Draw what the query was understood as; results of its repaired spelling, and of its rewrites where few say it all. */
async function showUnderstood(text, found, intent, signal) {
  const place = document.getElementById("understood");
  if (!intent) return place.replaceChildren();
  const exact = address().get("exact") === "1";
  const repaired = isRepaired(text, intent) && !exact;
  const also = exact ? [] : fillingRewrites(intent);
  let mixed = [];
  if (repaired) {
    const better = await attempt(() => api.search(intent.corrected, shopper, signal, also), () => showResults(text));
    if (!better) return;
    mixed = better.also;
    drawResults(better);
    say(`Showing ${count(better.products.length, "product")} for ${better.query} instead of ${text}`);
  } else if (found.thin && also.length) {
    // What is there already is as good as without: where this fails, it stays.
    const fuller = await api.search(text, shopper, signal, also).catch(() => null);
    if (signal.aborted) return;
    if (fuller?.also.length) {
      mixed = fuller.also;
      drawResults(fuller);
      say(`${count(fuller.products.length, "product")} for ${text}, with those of ${mixed.join(", ")}`);
    }
  }
  document.getElementById("understood").replaceChildren(...[
    repaired && spelling(text, intent, searchLink), mixed.length && alsoShown(mixed, searchLink), ...understood(intent, searchLink),
  ].filter(Boolean));
}

/** Return a link to the results of `text`, which opens them without leaving the page. */
function searchLink(text, exact = "") {
  const wanted = address();
  wanted.set("q", text);
  exact ? wanted.set("exact", exact) : wanted.delete("exact");
  return el("a", { href: `?${wanted}`, onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go({ q: text, exact }).then(() => main.focus());
  } }, text);
}

function drawResults(found, about) {
  const placement = { id: SEARCH, title: found.query };
  const back = el("button", { class: "button", type: "button", onclick: () => { query.value = ""; go({ q: "", exact: "" }); main.focus(); } }, glyph("left"), "Back to shelves");
  show([
    el("div", { class: "hero" }, el("div", {}, el("h1", {}, `“${found.query}”`), el("p", { class: "persona" }, count(found.products.length, "product"))), back),
    el("div", { id: "understood", class: "understood" }, about),
    found.products.length
      ? el("div", { class: "shelves" }, el("section", { "aria-label": "Search results" }, el("h2", { class: "unseen" }, "Results"), el("ul", { class: "tile-grid" }, found.products.map((product) => tile(product, placement)))))
      : el("section", { class: "empty" }, emptyArt(), el("h2", {}, "Nothing found"), el("p", {}, "Try fewer or other words.")),
  ]);
}

let typing = 0;
query.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    const text = query.value.trim();
    if (text.length === 1 || text === (address().get("q") ?? "")) return;
    go({ q: text, exact: "" }, { replace: address().has("q") });
  }, TYPING_MS);
});
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(typing);
  go({ q: query.value.trim(), exact: "" }, { replace: true });
});

/* ---- the frame ---- */

function show(content, busy = false) {
  view.replaceChildren(...content);
  main.setAttribute("aria-busy", busy);
}

/** Run a call; on failure tell what happened with a way to `again`, and return null. `keep` leaves the page. */
async function attempt(call, again, { keep = false } = {}) {
  try {
    return await call();
  } catch (error) {
    if (error.name === "AbortError") return null;
    if (!(error instanceof api.Problem)) throw error;
    if (error.status === 401) askToken(begin);
    const wait = error.retryAfterS ? ` Try again in ${count(error.retryAfterS, "second")}.` : "";
    const told = el("div", { class: "notice bad", role: "alert" }, el("p", {}, el("strong", {}, error.title), error.message, wait),
      el("button", { class: "button", type: "button", onclick: again }, "Try again"));
    if (keep) document.getElementById("making").replaceChildren(told);
    else show([told]);
    return null;
  }
}

async function begin() {
  // Where shoppers are not listed, any id can be typed.
  known = await api.shoppers().then((list) => list.shoppers, () => []);
  await arrive();
}

document.getElementById("who").addEventListener("click", () => pickShopper(known, shopper, (id) => go({ shopper: id, q: "", exact: "" })));
document.getElementById("basket").addEventListener("click", showBasket);
addEventListener("popstate", () => {
  // The skip link moves within the page: nothing is to be drawn.
  if (location.search !== shown) arrive();
});
await begin();
