// How the page stands with the server: a word in the top bar, and a notice when the words on screen are not live.

import { make, makeButton, part, put } from "./dom.js";

const LABELS = { open: "Connected", connecting: "Connecting", waiting: "Reconnecting", barred: "Words are off", "signed-out": "Signed out", closed: "" };

export class LinkPanel {
  #onRetry;
  #trouble = null;

  /** `onRetry()` runs when the reader does not want to wait for the next try. */
  constructor({ onRetry }) {
    this.#onRetry = onRetry;
  }

  /** Statuses are connection.js's; `waitMs` is how long until the next try. */
  show(status, waitMs) {
    put(part("link-state"), LABELS[status]);
    part("link-state").dataset.status = status;
    part("main").toggleAttribute("data-stale", status !== "open");
    if (status === "open" || status === "barred") this.#notice(troubleWords(this.#trouble), mend(this.#trouble));
    if (status === "waiting") this.#notice(waitWords(waitMs), makeButton("Try now", () => this.#onRetry()));
    if (status === "signed-out") this.#notice("You are signed out. The words were taken off this page.", signIn());
  }

  /** What is wrong with the money (web/walls.py's, or null), for the next `show`. */
  tell(trouble) {
    this.#trouble = trouble;
  }

  #notice(words, action) {
    const parts = words ? [make("p", "", words), ...(action ? [action] : [])] : [];
    if (part("notice").textContent !== parts.map((each) => each.textContent).join("")) part("notice").replaceChildren(...parts);
  }
}

function waitWords(waitMs) {
  return `The connection was lost. What you see is not live. Trying again in ${Math.ceil(waitMs / 1000)} s.`;
}

function troubleWords(trouble) {
  return trouble && `${trouble.words} ${trouble.remedy}`;
}

function mend(trouble) {
  if (!trouble?.link) return null;
  const link = make("a", "button small", trouble.label);
  link.href = trouble.link;
  return link;
}

function signIn() {
  const link = make("a", "button small", "Sign in");
  link.href = "/sign-in";
  return link;
}
