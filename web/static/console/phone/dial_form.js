// The field for a number to call. The server checks the number before it is dialled; a refusal is shown beside the field,
// and the number stays in it.

import { abortAfter } from "../../deadline.js";
import { part, put } from "../../dom.js";

const CHECK_MS = 5_000;
const EMERGENCY = new Set(["000", "112", "106"]);
const WAY_OUT = "Emergency calls cannot be made from here. Call from a mobile phone or a landline now.";
const AWAY = "Bilby did not answer, so nothing was dialled. Please try again.";

export class DialForm {
  #csrfToken;
  #onDial;
  #attempt = 0; // counts checks: the answer to an older one is ignored

  /** `csrfToken()` is asked each time; `onDial(number, shown)`: the number (E.164) may be called; `shown` is how people read it. */
  constructor({ csrfToken, onDial }) {
    this.#csrfToken = csrfToken;
    this.#onDial = onDial;
    part("dial").addEventListener("submit", (event) => this.#submit(event));
    part("number").addEventListener("input", () => this.#typed());
  }

  /** Append one key of the keypad. */
  add(digit) {
    part("number").value += digit;
    this.#typed();
  }

  /** Show why `number` was not called after all, and put it back into the field. */
  refuse(number, sentence) {
    part("number").value ||= number;
    this.#say(sentence);
  }

  // Emergency numbers are answered at once, without the server.
  #typed() {
    this.#attempt += 1;
    this.#say(EMERGENCY.has(part("number").value.replace(/\D/g, "")) ? WAY_OUT : "");
  }

  async #submit(event) {
    event.preventDefault();
    const typed = part("number").value.trim();
    if (!typed) return part("number").focus();
    this.#attempt += 1;
    const attempt = this.#attempt;
    const answer = await this.#ask(typed);
    if (attempt !== this.#attempt) return;
    this.#say(answer.error ?? "");
    if (answer.error) return part("number").focus();
    part("number").value = "";
    this.#onDial(answer.number, answer.shown);
  }

  async #ask(number) {
    try {
      const answer = await fetch("/voice/check", {
        method: "POST",
        headers: { "X-CSRF-Token": this.#csrfToken(), Accept: "application/json" },
        body: new URLSearchParams({ number }),
        signal: abortAfter(CHECK_MS),
      });
      const said = await answer.json();
      return answer.ok ? said : { error: said.error || AWAY };
    } catch {
      return { error: AWAY };
    }
  }

  #say(sentence) {
    put(part("dial-said"), sentence);
    part("number").setAttribute("aria-invalid", String(Boolean(sentence)));
  }
}
