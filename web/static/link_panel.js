// How the page stands with the server: a word in the top bar, and a notice when the words on screen are not live.

const LABELS = { open: "Connected", connecting: "Connecting", waiting: "Reconnecting", "signed-out": "Signed out", closed: "" };

export class LinkPanel {
  #onRetry;

  /** `onRetry()` runs when the reader does not want to wait for the next try. */
  constructor({ onRetry }) {
    this.#onRetry = onRetry;
  }

  /** Statuses are connection.js's; `waitMs` is how long until the next try. */
  show(status, waitMs) {
    const label = document.getElementById("link-state");
    label.textContent = LABELS[status];
    label.dataset.status = status;
    document.getElementById("main").toggleAttribute("data-stale", status !== "open");
    if (status === "open") this.#notice();
    if (status === "waiting") this.#notice(waitWords(waitMs), this.#tryNow());
    if (status === "signed-out") this.#notice("You are signed out. The words were taken off this page.", signIn());
  }

  #notice(words, action) {
    const text = document.createElement("p");
    text.textContent = words;
    document.getElementById("notice").replaceChildren(...(words ? [text, action] : []));
  }

  #tryNow() {
    const button = document.createElement("button");
    Object.assign(button, { className: "button small", type: "button", textContent: "Try now" });
    button.addEventListener("click", () => this.#onRetry());
    return button;
  }
}

function waitWords(waitMs) {
  return `The connection was lost. What you see is not live. Trying again in ${Math.ceil(waitMs / 1000)} s.`;
}

function signIn() {
  const link = document.createElement("a");
  return Object.assign(link, { className: "button small", href: "/sign-in", textContent: "Sign in" });
}
