// Has the call being read translated, if the reader wants it: off whenever the page opens, and nothing of it is remembered.

import { part, put } from "../../../dom.js";

const PROBLEMS = {
  off: "Translation is not switched on in this installation.",
  language: "Amazon Translate does not offer this pair of languages.",
  busy: "Too much is being translated right now. It will try again with the next line.",
  unavailable: "Translation is not available right now. It will try again with the next line.",
};

export class Translation {
  #send;
  #onOff;
  #call = null;
  #to = "";
  #last = ""; // language chosen before, for the key

  /** `send(message)` tells media what is wanted; `onOff(call)` runs when the call's translations are to go from the page. */
  constructor({ send, onOff }) {
    this.#send = send;
    this.#onOff = onOff;
    part("translate-to")?.addEventListener("change", (event) => this.#turn(event.currentTarget.value));
  }

  /** `call` is read now; null: none. */
  show(call) {
    const before = this.#call;
    this.#call = call;
    if (before?.id === call?.id) return;
    if (before && this.#to) this.#ask(before, null);
    this.#note("");
    this.connected();
  }

  /** A socket is open that does not know yet what is wanted. */
  connected() {
    if (this.#call && this.#to) this.#ask(this.#call, this.#to);
  }

  /** Media cannot translate. */
  failed({ call, to, problem }) {
    if (call === this.#call?.id && to === this.#to) this.#note(PROBLEMS[problem] ?? PROBLEMS.unavailable);
  }

  /** A translation of `call` has come. Returns whether it is still wanted. */
  came(call, to) {
    if (call.id !== this.#call?.id || to !== this.#to) return false;
    this.#note("");
    return true;
  }

  /** Off, or on again in the language that was chosen before. Returns false if none was. */
  toggle() {
    if (!part("translate-to") || (!this.#to && !this.#last)) return false;
    this.#turn(this.#to ? "" : this.#last);
    part("translate-to").value = this.#to;
    return true;
  }

  #turn(to) {
    this.#to = to;
    if (to) this.#last = to;
    this.#note("");
    if (!this.#call) return;
    this.#onOff(this.#call);
    this.#ask(this.#call, to || null);
  }

  #ask({ id }, to) {
    this.#send({ type: "translate", call: id, to });
  }

  #note(problem) {
    part("translation-note").hidden = !this.#to;
    put(part("translation-note"), problem || "Machine translation: it may be wrong.");
    part("translation-note").dataset.problem = problem ? "yes" : "no";
  }
}
