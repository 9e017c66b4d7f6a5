// Who reads along in the call being read, and the lines between a supervisor and the agent. What is written here is kept nowhere.

import { make, part, put } from "../../dom.js";
import { CLOCK_TIME } from "../wording.js";

const ECHO_MS = 5_000; // until a line that was sent must have come back
const NOT_SENT = "That was not sent. Please try again.";

export class ReadAlong {
  #me;
  #send;
  #call = null;
  #drawn = "";
  #waiting = null; // {text, timer}: the line that was sent and has not come back

  /** `me` is the member's id; `send(said)` tells media, over the console. */
  constructor({ me, send }) {
    this.#me = me;
    this.#send = send;
    part("write-form")?.addEventListener("submit", (event) => this.#write(event));
  }

  /** The page shows `call`, or none (null). */
  show(call) {
    if (call?.id !== this.#call?.id) this.#forget();
    this.#call = call;
    const others = (call?.readers ?? []).filter(({ member }) => member !== this.#me);
    put(part("readers"), others.length ? `${others.map(({ name }) => name).join(", ")} ${others.length > 1 ? "read" : "reads"} along.` : "");
    part("readers").dataset.count = String(others.length);
    if (part("write-form")) part("write-form").hidden = !call || call.state === "ended" || call.agent === null || call.agent === this.#me;
    this.#drawLines(call?.written ?? []);
  }

  /** Go to the field for a line. Returns false where there is none. */
  focus() {
    if (!part("write-form") || part("write-form").hidden) return false;
    part("write-text").focus();
    return true;
  }

  #drawLines(lines) {
    const key = lines.map(({ id }) => id).join();
    if (key === this.#drawn) return;
    this.#drawn = key;
    part("written").replaceChildren(...lines.map((line) => this.#row(line)));
    part("written").hidden = !lines.length;
    part("written").scrollTop = part("written").scrollHeight;
    const last = lines[lines.length - 1];
    if (this.#waiting && last?.member === this.#me && last.text === this.#waiting.text) {
      part("write-text").value = "";
      this.#forget();
    }
  }

  #row({ member, name, text, at }) {
    const item = make("p", "written-line");
    item.append(make("strong", "", member === this.#me ? "You" : name), " ", make("span", "said-at", CLOCK_TIME.format(at)), " ", make("span", "", text));
    return item;
  }

  #write(event) {
    event.preventDefault();
    const text = part("write-text").value.trim().replace(/\s+/g, " ");
    if (!text || this.#waiting || !this.#call) return;
    this.#waiting = { text, timer: setTimeout(() => this.#forget(NOT_SENT), ECHO_MS) };
    put(part("write-said"), "");
    this.#send({ type: "write", call: this.#call.id, text });
  }

  #forget(said = "") {
    clearTimeout(this.#waiting?.timer);
    this.#waiting = null;
    if (part("write-said")) put(part("write-said"), said);
  }
}
