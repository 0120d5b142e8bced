// Tells the shop what was seen, clicked and put into the basket: collected, and sent in small batches.

import * as api from "./api.js";

const SEEN_MS = 1000;
const BATCH_MS = 2000;
const MOST = 100;

let shopper = "";
let waiting = [];
let timer = 0;
let counted = new Set();

/** Start over for a page just drawn; what another shopper did is sent first. */
export function feedbackFor(id) {
  flush();
  shopper = id;
  counted = new Set();
  watcher.disconnect();
}

/** Note one event of the page; it is sent within two seconds. */
export function note(kind, placement, product) {
  waiting.push({ kind, placement_id: placement, product_id: product, at: new Date().toISOString() });
  if (waiting.length >= MOST) flush();
  else timer ||= setTimeout(flush, BATCH_MS);
}

function flush() {
  clearTimeout(timer);
  timer = 0;
  if (!waiting.length || !shopper) return;
  const events = waiting;
  waiting = [];
  // Lost feedback must never disturb the shopper.
  api.feedback(shopper, events).catch(() => {});
}

const seen = new Map();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      clearTimeout(seen.get(target));
      if (isIntersecting) seen.set(target, setTimeout(() => impression(target), SEEN_MS));
    }
  },
  { threshold: 0.5 },
);

function impression(tile) {
  watcher.unobserve(tile);
  seen.delete(tile);
  const key = `${tile.dataset.placement} ${tile.dataset.product}`;
  if (!tile.isConnected || counted.has(key)) return;
  counted.add(key);
  note("impression", tile.dataset.placement, tile.dataset.product);
}

/** Count an impression once half of the tile was in view for a second. */
export const watch = (tile) => watcher.observe(tile);

addEventListener("pagehide", flush);
document.addEventListener("visibilitychange", () => document.hidden && flush());
