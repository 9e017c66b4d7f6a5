// The list of missed calls beside the phone. The server renders it; this fetches it now and then, and calls back.

import { abortAfter } from "../../deadline.js";
import { part, put } from "../../dom.js";

const EVERY_MS = 15_000;
const SOON_MS = 1_500; // for the server to hear how a call has ended
const ANSWER_MS = 10_000;
const AWAY = "Bilby did not answer, so nothing was dialled. Please try again.";

export class Recent {
  #csrfToken;
  #onDial;
  #canDial = false;
  #shown = null; // the list as the server sent it
  #timer = null;

  /** `csrfToken()` is asked each time; `onDial(number, shown)`: the number (E.164) may be called. */
  constructor({ csrfToken, onDial }) {
    this.#csrfToken = csrfToken;
    this.#onDial = onDial;
    part("recent").addEventListener("toggle", () => this.refresh());
    part("recent-list").addEventListener("click", (event) => this.#click(event));
    document.addEventListener("visibilitychange", () => this.refresh());
    this.refresh();
  }

  /** Whether the phone could dial now. */
  allow(canDial) {
    if (canDial === this.#canDial) return;
    this.#canDial = canDial;
    this.#drawButtons();
  }

  /** A call has ended: look whether it was missed. */
  refreshSoon() {
    this.#lookIn(SOON_MS);
  }

  /** Open the list and move there, or close it. */
  toggle() {
    const list = part("recent");
    list.open = !list.open;
    if (list.open) list.querySelector("summary").focus();
  }

  async refresh() {
    this.#lookIn(EVERY_MS);
    if (document.hidden) return;
    const text = await fetched();
    if (text !== null) this.#draw(text);
    if (part("recent").open && this.#unseen()) await this.#send("/console/recent/seen");
  }

  #lookIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), ms);
  }

  #draw(text) {
    if (text !== this.#shown) this.#replace(text);
    this.#shown = text;
    const unseen = this.#unseen();
    put(part("recent-count"), unseen ? String(unseen) : "");
    put(part("recent-news"), unseen ? "new" : "");
  }

  #replace(text) {
    const list = part("recent-list");
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.callBack : null;
    // Parsed apart from this page: nothing in it runs.
    const fresh = new DOMParser().parseFromString(text, "text/html").body.firstElementChild;
    if (!fresh) return;
    list.replaceChildren(fresh);
    this.#drawButtons();
    if (focused) (this.#buttons().find((button) => button.dataset.callBack === focused) ?? list).focus();
  }

  #drawButtons() {
    for (const button of this.#buttons()) button.setAttribute("aria-disabled", String(!this.#canDial));
  }

  #buttons() {
    return [...part("recent-list").querySelectorAll("[data-call-back]")];
  }

  #unseen() {
    return Number(part("recent-list").firstElementChild?.dataset.unseen ?? 0);
  }

  async #click(event) {
    const button = event.target.closest("[data-call-back]");
    if (!button || !this.#canDial) return;
    this.allow(false); // a second click would dial twice
    const { callBack, knows } = button.dataset;
    const answer = await this.#send(`/console/recent/${callBack}/call-back`, { knows });
    put(part("recent-said"), answer.error ?? "");
    this.allow(true);
    if (!answer.error) this.#onDial(answer.number, answer.shown);
    this.refresh();
  }

  async #send(path, fields = {}) {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "X-CSRF-Token": this.#csrfToken(), Accept: "application/json" },
        body: new URLSearchParams(fields),
        signal: abortAfter(ANSWER_MS),
      });
      const said = answer.status === 204 ? {} : await answer.json();
      return answer.ok ? said : { error: said.error || AWAY };
    } catch {
      return { error: AWAY };
    }
  }
}

// The list as the server renders it; null if it did not answer.
async function fetched() {
  try {
    const headers = { Accept: "text/html" };
    const answer = await fetch("/console/recent", { headers, redirect: "error", signal: abortAfter(ANSWER_MS) });
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}
