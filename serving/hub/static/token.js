// Where the API wants to know who calls: a form for the key or token.

import { setToken } from "./api.js";
import { el } from "./elements.js";
import { closeDialog, openDialog } from "./dialog.js";

/** Ask for the key or token that the API wants; `again` is called once it is given. */
export function askToken(again) {
  const input = el("input", { type: "password", required: true, autocomplete: "off", "aria-label": "Key or token" });
  const send = (event) => {
    event.preventDefault();
    setToken(input.value.trim());
    closeDialog();
    again();
  };
  openDialog("This shop asks who you are",
    el("p", {}, "Give an API key, or a shopper's token (shelfwise token --shopper ID). It is kept until this tab is closed."),
    el("form", { class: "inline-form", onsubmit: send }, input, el("button", { class: "button primary" }, "Go on")));
}
