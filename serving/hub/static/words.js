// Everything that the graph says in its own terms, in the words of a shop.

const NEEDS = {
  replenish: "Time to restock",
  explore: "Something new",
  meal_solution: "Meal idea",
  health_goal: "Feel good",
  occasion: "For the occasion",
  value: "Good value",
  household: "For the home",
};

const GUARDS = {
  policy: { name: "House rules", passed: "Nothing on this shelf breaks the shop's rules." },
  taxonomy: { name: "Real products", passed: "Every search word and aisle exists in this shop." },
  relevance: { name: "Fits the title", passed: "The products are what the title promises." },
  duplicates: { name: "Not a repeat", passed: "This shelf differs from the others on your page." },
  judge: { name: "Read by a second model", passed: "A second model read the shelf and found it sound." },
  write_keywords: { name: "Search words", passed: "Search words were found." },
  fall_back: { name: "Page as a whole", passed: "" },
};

const STEPS = {
  policy: "checking the shop's rules",
  taxonomy: "checking that everything is sold here",
  relevance: "checking that the products fit",
  duplicates: "comparing with your other shelves",
  judge: "having a second model read it",
};

const pretty = (text) => String(text).replaceAll("_", " ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const need = (name) => NEEDS[name] ?? capital(pretty(name));
export const guard = (name) => GUARDS[name]?.name ?? capital(pretty(name));
export const step = (name) => STEPS[name] ?? `passing the ${pretty(name)} check`;

/** A guard that did not look (not sampled, switched off) passes and says why. */
export const skipped = (verdict) => verdict.outcome === "pass" && verdict.reasons.length > 0;

/** Say what a verdict came to, in one sentence. */
export function outcome(verdict) {
  if (skipped(verdict)) return `Not done this time: ${verdict.reasons.join("; ")}.`;
  if (verdict.outcome === "pass") return GUARDS[verdict.guard]?.passed || "Passed.";
  if (verdict.outcome === "error") return "This check could not be made.";
  const sentences = {
    prune: "Some products did not pass and were taken off the shelf.",
    repair: "The first try did not pass, so the shelf was made again.",
    drop: "The shelf did not pass.",
  };
  return sentences[verdict.action] ?? "Noted; the shelf stays as it is.";
}

/** Say how long ago something was. */
export function age(seconds) {
  if (seconds < 90) return "just now";
  const steps = [[60, "minute"], [60, "hour"], [24, "day"]];
  let amount = seconds;
  let unit = "second";
  for (const [size, name] of steps) {
    if (amount < size) break;
    amount /= size;
    unit = name;
  }
  const whole = Math.round(amount);
  return `${whole} ${unit}${whole === 1 ? "" : "s"} ago`;
}

/** Name a shopper: ids that are numbers read better with the word. */
export const shopper = (id) => (/^\d+$/.test(id) ? `Shopper ${id}` : capital(pretty(id).replaceAll("-", " ")));
/** Show a price band of the API (`under 2`, `2 to 4`) as a price. */
export const price = (band) => band.replaceAll(/\d+/g, "$$$&").replace(" to ", "–").replace(" and over", "+").replace("under", "Under");
export const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value.toFixed(digits));
