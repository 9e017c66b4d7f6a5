// Calls that a fresh snapshot left out: they have ended, or their media node died and another is about to take them over.
// The web server, which has the call log, knows which. A call that is over is dropped.

import { abortAfter } from "../deadline.js";
import { csrfToken } from "./connection/sign_in.js";

const PATIENCE_MS = 30_000; // for a call to come back
const FIRST_MS = 4_000; // a call that has moved is usually back by then
const ASK_MS = 2_000;
const ANSWER_MS = 10_000;

export class MissingCalls {
  #store;
  #onEnded;
  #since = new Map(); // call id → ms since 1970
  #timer = null;

  /** `onEnded(call)`: one of the missing calls of `store` is over, or was given up. */
  constructor({ store, onEnded }) {
    this.#store = store;
    this.#onEnded = onEnded;
  }

  /** Ask about missing calls until there are none. */
  watch() {
    this.#lookIn(FIRST_MS);
  }

  #lookIn(ms) {
    clearTimeout(this.#timer);
    const missing = this.#store.missing();
    this.#since = new Map(missing.map(({ id }) => [id, this.#since.get(id) ?? Date.now()]));
    if (missing.length) this.#timer = setTimeout(() => this.#look(), ms);
  }

  async #look() {
    const missing = this.#store.missing();
    const living = missing.length ? await ask(missing.map(({ id }) => id)) : null;
    for (const call of missing) if (call.missing && this.#isOver(call, living)) this.#end(call);
    this.#lookIn(ASK_MS);
  }

  #isOver({ id }, living) {
    return living?.has(id) === false || Date.now() - (this.#since.get(id) ?? Date.now()) >= PATIENCE_MS;
  }

  #end(call) {
    this.#store.end(call);
    this.#onEnded(call);
  }
}

// Which of `calls` are live; null if the server did not answer.
async function ask(calls) {
  try {
    const answer = await fetch("/console/living", {
      method: "POST",
      headers: { "X-CSRF-Token": csrfToken(), "Content-Type": "application/json" },
      body: JSON.stringify({ calls }),
      signal: abortAfter(ANSWER_MS),
    });
    return answer.ok ? new Set((await answer.json()).living) : null;
  } catch {
    return null;
  }
}
