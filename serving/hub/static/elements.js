// Builds the DOM from plain values. Text only ever becomes a text node: product names are untrusted.

const SVG = "http://www.w3.org/2000/svg";
const GLYPHS = {
  plus: "M12 5v14M5 12h14",
  check: "M5 13l4 4L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  info: "M12 11v6M12 7v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  refresh: "M20 12a8 8 0 1 1-2.500-5.800M20 3v5h-5",
  minus: "M6 12h12",
  bang: "M12 6v8M12 18v.01",
  scissors: "M8 8l10 10M8 16L18 6M6 4a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM6 15a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
};

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "vars") for (const [key, number] of Object.entries(value)) node.style.setProperty(`--${key}`, number);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Return an HTML element. `on<event>` adds a listener, `vars` sets CSS variables; children are nodes or texts. */
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Return an SVG element, with the rules of `el`. */
export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Return a small line drawing, hidden from screen readers. */
export function glyph(name) {
  return svg("svg", { class: "glyph", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: GLYPHS[name] }));
}

/** Return a row of rounded labels. */
export function pills(texts, kind = "") {
  return el("ul", { class: "pills" }, texts.map((text) => el("li", { class: `pill ${kind}` }, text)));
}

/** Have screen readers say `text` when they are idle. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** Return `word` with a number: `count(1, "shelf", "shelves")` is "1 shelf". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
