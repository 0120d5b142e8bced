// The keys of the annotation page. Single letters are keys only outside of text, and can be switched off in the help.

const OFF = "shelfwise-keys-off";
const ANSWERS = { y: "yes", n: "no", u: "unsure" };

export const keysOn = () => localStorage.getItem(OFF) === null;

export function setKeys(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
}

/** Return the place of the product that a digit stands for: 1 to 9 and 0 the first ten, with Shift from the eleventh. */
function placeOf(event) {
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (digit === undefined) return null;
  return (digit === "0" ? 9 : Number(digit) - 1) + (event.shiftKey ? 10 : 0);
}

/** Have keys call `actions`. */
export function listen(actions) {
  const moves = {
    ArrowLeft: () => actions.step(-1),
    ArrowRight: () => actions.step(1),
    ArrowUp: () => actions.question(-1),
    ArrowDown: () => actions.question(1),
    Backspace: actions.undo,
    z: actions.undo,
    c: actions.write,
    "?": actions.help,
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("textarea, input:not([type=checkbox]), select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("dialog").open) return;
    if (document.getElementById("tools").hidden || (event.key.length === 1 && event.key !== "?" && !keysOn())) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = moves[key] ?? (ANSWERS[key] && (() => actions.answer(ANSWERS[key])));
    const place = act ? null : placeOf(event);
    if (!act && place === null) return;
    event.preventDefault();
    if (act) act();
    else actions.mark(place);
  });
}
