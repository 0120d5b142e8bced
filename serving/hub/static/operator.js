// The operator page: how the shop's pages do, the latest runs, and the trace of one page (?shopper=ID).

import * as api from "./api.js";
import { bars, cards, table } from "./charts.js";
import { count, el, say } from "./elements.js";
import { drawing, inOrder, lines } from "./funnel.js";
import { askToken } from "./token.js";
import * as words from "./words.js";

const REFRESH_MS = 15000;
const view = document.getElementById("view");
const shopper = new URLSearchParams(location.search).get("shopper");
const when = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
const seconds = (value) => `${value.toFixed(1)} s`;
const duration = (ms) => (ms < 1000 ? `${ms.toFixed(1)} ms` : seconds(ms / 1000));
const cost = (usd) => (usd === 0 ? "$0" : `$${usd.toFixed(4)}`);
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

function size(bytes) {
  if (bytes === null) return "–";
  const units = ["B", "kB", "MB", "GB"];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1000 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

/* ---- overview ---- */

async function overview() {
  const [{ runs }, stats] = await Promise.all([api.runs(), api.stats()]);
  // A refresh must not take the focus or the place away from who reads.
  const held = view.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  show(el("div", { class: "titled" }, el("h1", {}, "Operator"), el("p", { class: "quiet small" }, `Server started ${words.age(stats.uptime_s)}; refreshed every ${REFRESH_MS / 1000} s`)),
    cards(figures(stats, runs)),
    el("div", { class: "pair" }, bars("Why themes were dropped", dropReasons(runs), "", "No theme was dropped in these runs."), bars("How pages were answered", answers(stats.store), "states", "Nothing was asked for yet.")),
    runTable(runs));
  if (held) view.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus();
  setTimeout(again, REFRESH_MS);
}

function again() {
  if (document.hidden) document.addEventListener("visibilitychange", again, { once: true });
  else attempt(overview);
}

function figures({ store, hit_rate: hits, latency, running, queued, feedback_events: told }, runs) {
  const made = runs.filter((run) => !run.error);
  const typical = made.map((run) => run.seconds).sort((a, b) => a - b)[Math.floor(made.length / 2)];
  const tokens = sum(made.map((run) => run.tokens_in + run.tokens_out));
  return [
    ["Answered from cache", percent(hits)],
    ["Answer time, p99", latency.p99_ms === null ? "–" : duration(latency.p99_ms), latency.p50_ms === null ? "" : `median ${duration(latency.p50_ms)} of ${latency.count.toLocaleString("en")}`],
    ["Pages stored", store.pages === null ? "store down" : store.pages.toLocaleString("en"), `${size(store.bytes)} in ${store.backend}`],
    ["Being made", `${running}`, `${queued} waiting`],
    ["Time to make a page", typical === undefined ? "–" : seconds(typical), `median of ${count(made.length, "run")}`],
    ["Cost of these runs", cost(sum(made.map((run) => run.cost_usd))), `${tokens.toLocaleString("en")} tokens`],
    ["Added to baskets", (told.add_to_cart ?? 0).toLocaleString("en"), `${(told.click ?? 0).toLocaleString("en")} clicks, ${(told.impression ?? 0).toLocaleString("en")} seen`],
  ];
}

function dropReasons(runs) {
  const total = {};
  for (const run of runs) for (const [guard, drops] of Object.entries(run.drop_reasons)) total[guard] = (total[guard] ?? 0) + drops;
  return Object.entries(total).sort(([, one], [, other]) => other - one).map(([guard, drops]) => [guard, guard, drops]);
}

const answers = (store) => [
  ["hits", "fresh page", store.hits], ["stale", "stale page", store.stale], ["degraded", "local copy", store.degraded],
  ["misses", "no page yet", store.misses], ["negative", "cannot be made", store.negative]];

function runTable(runs) {
  const columns = [{ name: "Shopper" }, { name: "When" }, { name: "Kept", number: true }, { name: "Dropped", number: true }, { name: "Dropped by" },
    { name: "Seconds", number: true }, { name: "Tokens", number: true }, { name: "Cost", number: true }, { name: "Notes" }];
  const rows = runs.map((run) => [
    el("a", { href: `?${new URLSearchParams({ shopper: run.shopper_id })}` }, run.shopper_id), when.format(new Date(run.made_at)), `${run.kept}`, `${run.dropped}`,
    Object.entries(run.drop_reasons).map(([guard, drops]) => `${guard} ${drops}`).join(", "),
    run.seconds.toFixed(1), (run.tokens_in + run.tokens_out).toLocaleString("en"), cost(run.cost_usd), notes(run)]);
  return el("section", { class: "card", "aria-labelledby": "runs-title" }, el("h2", { id: "runs-title" }, "Latest runs"),
    runs.length ? table("Latest runs", columns, rows) : el("p", { class: "quiet" }, "No page was made yet."));
}

function notes(run) {
  const kinds = [run.cold && ["new shopper", ""], run.fell_back && ["made by rules", "warn"], run.error && ["failed", "bad"]].filter(Boolean);
  const why = run.error ?? run.fallback_reason;
  return el("div", {}, el("div", { class: "pills" }, kinds.map(([text, kind]) => el("span", { class: `pill ${kind}` }, text))), why && el("span", { class: "quiet small" }, why));
}

/* ---- the trace of one page ---- */

async function trace() {
  const told = await api.trace(shopper);
  const themes = inOrder(told.placements);
  const used = Object.values(told.usage);
  const hub = `/?${new URLSearchParams({ shopper })}`;
  document.title = `Trace of ${words.shopper(shopper)} · Shelfwise`;
  show(el("div", { class: "titled" },
    el("div", {}, el("p", {}, el("a", { href: "/operator" }, "All runs")), el("h1", {}, `How ${words.shopper(shopper).replace("Shopper", "shopper")}'s page came to be`), el("p", { class: "quiet" }, told.persona)),
    el("a", { class: "button", href: hub }, "Open the page")),
  told.fallback && el("p", { class: "notice warn" }, `Made by rules: ${told.fallback_reason ?? "no cause given"}`),
  cards([["Made", day.format(new Date(told.made_at)), clock.format(new Date(told.made_at))], ["Took", seconds(told.seconds)], ["Model calls", `${sum(used.map((phase) => phase.calls))}`],
    ["Tokens", sum(used.map((phase) => phase.tokens_in + phase.tokens_out)).toLocaleString("en"), Object.keys(told.usage).join(", ")], ["Cost", cost(sum(used.map((phase) => phase.cost_usd)))]]),
  el("section", { class: "card", "aria-labelledby": "flow-title" }, el("h2", { id: "flow-title" }, "From themes to shelves"),
    el("p", { class: "quiet small" }, "A band is a theme, as thick as its share of each stage. Green ones reached the page, amber ones were dropped."), drawing(themes)),
  lines(themes),
  el("p", { class: "quiet small" }, "Made with ", el("code", {}, Object.entries(told.versions).map(([name, version]) => `${name} ${version}`).join(", "))));
  say(`Trace of ${count(themes.length, "theme")}`);
}

/* ---- the frame ---- */

function show(...content) {
  view.replaceChildren(el("div", { class: "stack" }, content));
  document.getElementById("main").setAttribute("aria-busy", "false");
}

async function attempt(draw) {
  try {
    await draw();
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    if (error.status === 401 || error.status === 403) askToken(begin);
    show(el("div", { class: "notice bad", role: "alert" }, el("p", {}, el("strong", {}, error.title), error.message), el("button", { class: "button", type: "button", onclick: begin }, "Try again")));
  }
}

const begin = () => attempt(shopper ? trace : overview);
if (!shopper) document.getElementById("overview").setAttribute("aria-current", "page");
await begin();
