// Talks to the HTTP API: problem details become errors with a sentence to show, event streams become async iterators.

const TOKEN = "shelfwise-token";

/** What went wrong, in words for the shopper; `status` is 0 when no answer came. */
export class Problem extends Error {
  constructor(status, title, detail, retryAfterS) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.retryAfterS = retryAfterS;
  }
}

export function setToken(token) {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

/** Fetch from the API with the token that the visitor gave, if any. Throws Problem. */
async function send(path, { method = "GET", body, signal, keepalive } = {}) {
  const headers = { Accept: "application/json, text/event-stream" };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal, keepalive });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The shop does not answer", "Check that the server runs, then try again.");
  }
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Problem(answer.status, told.title ?? `Error ${answer.status}`, told.detail, Number(answer.headers.get("Retry-After")) || null);
}

const json = async (path, options) => (await send(path, options)).json();
const of = (shopper) => `/v1/pages/${encodeURIComponent(shopper)}`;

export const shoppers = () => json("/v1/shoppers?limit=60");
export const page = (shopper, signal) => json(of(shopper), { signal });
export const trace = (shopper) => json(`${of(shopper)}/trace`);
export const regenerate = (shopper) => json(`${of(shopper)}/regenerate`, { method: "POST" });
export const search = (query, shopper, signal, also = []) =>
  json(`/v1/search?${new URLSearchParams([["q", query], ["shopper_id", shopper], ...also.map((text) => ["also", text])])}`, { signal });
export const intent = (query, before, signal) =>
  json(`/v1/intent?${new URLSearchParams([["q", query], ...before.map((text) => ["session", text])])}`, { signal });
export const feedback = (shopper, events) =>
  send("/v1/feedback", { method: "POST", body: { shopper_id: shopper, events }, keepalive: true });
export const runs = () => json("/v1/operator/runs?limit=50");
export const annotation = (path = "") => json(`/v1/annotation${path}`);
export const annotate = (path, body) => json(`/v1/annotation${path}`, { method: "POST", body });
export const stats = () => json("/v1/operator/stats");

/** Yield `{event, data}` of a shopper's running generation; ends at once when nothing runs. */
export async function* events(shopper, signal) {
  const answer = await send(`${of(shopper)}/events`, { signal });
  if (answer.status === 204 || !answer.body) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value.replaceAll("\r\n", "\n");
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      const told = parsed(block);
      if (told) yield told;
    }
  }
}

function parsed(block) {
  const fields = { event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") fields.data += value;
    else if (name === "event") fields.event = value;
  }
  return fields.data ? { event: fields.event, data: JSON.parse(fields.data) } : null;
}
