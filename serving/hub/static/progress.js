// A page in the making: the graph's events as steps in words, a line for each shelf.

import { el, glyph, say } from "./elements.js";
import * as words from "./words.js";

const DONE = { kept: "check", dropped: "minus" };

/** The panel of one generation. `element` is shown; `take` is given each event of the stream. */
export class Progress {
  #lines = new Map();
  #step = el("p", { class: "quiet" }, "Getting ready");
  #bar = el("span");
  #list = el("ul", { class: "themes" });
  #part = 0.03;

  constructor() {
    this.element = el("section", { class: "progress", "aria-labelledby": "progress-title" },
      el("div", { class: "progress-head" }, el("h2", { id: "progress-title" }, "Your page is being made"), this.#step),
      el("div", { class: "meter", "aria-hidden": "true" }, this.#bar), this.#list);
  }

  /** Show one of the graph's events; unknown ones change nothing. */
  take(event) {
    this.#on[event.event]?.(event);
  }

  #on = {
    shopper_loaded: ({ cold }) => this.#at(0.1, cold ? "You are new here: looking at what is popular" : "Reading your past orders"),
    page_designed: ({ titles }) => {
      for (const [position, title] of titles.entries()) this.#line(`${position}`, title);
      this.#at(0.3, `${titles.length} ideas for shelves`, true);
    },
    keywords_written: ({ placement, keywords }) => this.#work(placement, `searching for ${keywords.slice(0, 3).join(", ") || "its aisles"}`),
    verdict: (event) => {
      const again = event.action === "repair" ? "trying other search words" : words.step(event.guard);
      this.#work(event.placement, again);
    },
    placement_kept: ({ placement, products, title }) => this.#end(placement, "kept", `${products} products`, title),
    placement_dropped: ({ placement, title, reasons }) => this.#end(placement, "dropped", `left out: ${reasons[0] ?? "did not pass"}`, title),
    gathered: ({ kept, of }) => this.#at(0.9, `${kept} of ${of} shelves stand, reading the page as a whole`, true),
    published: ({ placements }) => this.#at(1, `Done: ${placements} shelves`),
  };

  #at(part, text, aloud = false) {
    this.#part = Math.max(this.#part, part);
    this.#bar.style.setProperty("--part", this.#part);
    this.#step.textContent = text;
    if (aloud) say(text);
  }

  #line(place, title) {
    if (!this.#lines.has(place)) {
      const line = { dot: el("span", { class: "dot" }), note: el("span", { class: "quiet small" }, "waiting"), ended: false };
      line.element = el("li", { "data-state": "wait" }, line.dot, el("span", {}, el("b", {}, title), line.note));
      this.#lines.set(place, line);
      this.#list.append(line.element);
    }
    return this.#lines.get(place);
  }

  /** A placement's id ends in its place on the page. */
  #lineOf(placement, title) {
    const place = /(\d+)$/.exec(placement)?.[1] ?? placement;
    return this.#line(place, title ?? `Shelf ${Number(place) + 1}`);
  }

  #work(placement, text) {
    const line = this.#lineOf(placement);
    line.note.textContent = text;
    if (line.ended) return;
    line.element.dataset.state = "work";
    this.#at(this.#part, "Filling your shelves");
  }

  #end(placement, state, text, title) {
    const line = this.#lineOf(placement, title);
    line.ended = true;
    line.element.dataset.state = state;
    line.note.textContent = text;
    line.dot.replaceChildren(glyph(DONE[state]));
    const ended = [...this.#lines.values()].filter((item) => item.ended).length;
    this.#at(0.3 + (0.6 * ended) / this.#lines.size, `${ended} of ${this.#lines.size} shelves looked at`);
  }
}
