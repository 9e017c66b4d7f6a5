// "Stop words for this call", for a caller who objects: confirmed in a dialog, done by the server, never undone.

import { part, put } from "../dom.js";

const WORDS = new Set(["utterance", "gap", "state", "latency"]);
const PROBLEMS = {
  401: "You are signed out. Sign in again, then stop the words.",
  404: "This call is over.",
};

export class StopWords {
  #csrfToken;
  #nameOf;
  #onStopped;
  #call = null; // that the page shows
  #asked = null; // id of the call that the dialog is about
  #stopped = new Set(); // ids: what still comes of these is not for this page

  /** `csrfToken()` is asked each time; `nameOf(call)` titles a call; `onStopped(id)` runs when the server has written down that a call's words stop. */
  constructor({ csrfToken, nameOf, onStopped }) {
    this.#csrfToken = csrfToken;
    this.#nameOf = nameOf;
    this.#onStopped = onStopped;
    part("stop-words").addEventListener("click", () => this.ask(this.#call.id, this.#nameOf(this.#call)));
    part("stop-words-form").addEventListener("submit", (event) => this.#confirm(event));
    part("stop-words-keep").addEventListener("click", () => part("stop-words-dialog").close());
  }

  /** Whether `event` carries words of a call whose words were stopped: media did not know yet when it sent it. */
  drops(event) {
    if (event.type === "call.stopped") this.#stopped.add(event.call);
    return WORDS.has(event.type) && this.#stopped.has(event.call);
  }

  /** Take the words of stopped calls out of `store`, wherever they came from. */
  forget(store) {
    for (const call of store.calls.values()) {
      if (call.state === "stopped") this.#stopped.add(call.id);
      if (!this.#stopped.has(call.id) || call.state === "ended") continue;
      call.state = "stopped";
      if (call.lines.length) store.forgetWords(call);
    }
  }

  /** The page shows `call`, or none (null): offer to stop its words while it has any to come. */
  show(call) {
    this.#call = call;
    const live = call !== null && call.state !== "ended" && call.state !== "stopped";
    part("stop-words").hidden = !live;
    if (this.#asked !== null && this.#asked === call?.id && !live) part("stop-words-dialog").close();
  }

  /** Ask whether the words of the call `id` are to stop; `name` is how people know it. */
  ask(id, name) {
    this.#asked = id;
    put(part("stop-words-call"), name);
    this.#tell("");
    part("stop-words-dialog").showModal();
  }

  async #confirm(event) {
    event.preventDefault();
    const call = this.#asked;
    part("stop-words-confirm").disabled = true;
    const problem = await this.#send(call);
    part("stop-words-confirm").disabled = false;
    if (call !== this.#asked) return;
    this.#tell(problem);
    if (problem) return;
    part("stop-words-dialog").close();
    this.#onStopped(call);
  }

  /** Ask the server to stop the words. Returns what went wrong, or "" once the server has recorded it. */
  async #send(call) {
    try {
      const answer = await fetch(`/console/calls/${encodeURIComponent(call)}/stop-words`, {
        method: "POST",
        headers: { "X-CSRF-Token": this.#csrfToken(), Accept: "application/json" },
      });
      return answer.ok ? "" : (PROBLEMS[answer.status] ?? "That did not work, and the words are still shown. Please try again.");
    } catch {
      return "The server could not be reached, and the words are still shown. Please try again.";
    }
  }

  #tell(problem) {
    put(part("stop-words-problem"), problem);
  }
}
