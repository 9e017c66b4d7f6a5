// How the page stands with the server: a word in the top bar, and a notice when the words on screen are not live.

import { make, makeButton, part, put } from "./dom.js";

const LABELS = { open: "Connected", connecting: "Connecting", waiting: "Reconnecting", "signed-out": "Signed out", closed: "" };

export class LinkPanel {
  #onRetry;

  /** `onRetry()` runs when the reader does not want to wait for the next try. */
  constructor({ onRetry }) {
    this.#onRetry = onRetry;
  }

  /** Statuses are connection.js's; `waitMs` is how long until the next try. */
  show(status, waitMs) {
    put(part("link-state"), LABELS[status]);
    part("link-state").dataset.status = status;
    part("main").toggleAttribute("data-stale", status !== "open");
    if (status === "open") this.#notice();
    if (status === "waiting") this.#notice(waitWords(waitMs), makeButton("Try now", () => this.#onRetry()));
    if (status === "signed-out") this.#notice("You are signed out. The words were taken off this page.", signIn());
  }

  #notice(words, action) {
    part("notice").replaceChildren(...(words ? [make("p", "", words), action] : []));
  }
}

function waitWords(waitMs) {
  return `The connection was lost. What you see is not live. Trying again in ${Math.ceil(waitMs / 1000)} s.`;
}

function signIn() {
  const link = make("a", "button small", "Sign in");
  link.href = "/sign-in";
  return link;
}
