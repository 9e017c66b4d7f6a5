// Reading another's call is written down before the page shows it; then media is told, which shows the agent who reads along. No DOM.

import { command } from "../phone/commands.js";

const AGAIN_MS = 5_000; // after a refusal

export class Opening {
  #csrfToken;
  #me;
  #needsNone;
  #send;
  #onChange;
  #opened = new Set(); // ids of calls that are written down
  #now = new Set(); // ids of the calls that are read
  #asking = new Set(); // ids of calls that are being written down
  #refused = new Map(); // id of a call that is read → what went wrong

  /**
   * `csrfToken()` is asked each time; `me` is the member's id; `needsNone`: they see their own calls only. `send(said)` tells media,
   * over the console; `onChange()` runs when a call may be shown, or may not.
   */
  constructor({ csrfToken, me, needsNone, send, onChange }) {
    this.#csrfToken = csrfToken;
    this.#me = me;
    this.#needsNone = needsNone;
    this.#send = send;
    this.#onChange = onChange;
  }

  /** Whether the words of `call` may be on the page. */
  mayShow(call) {
    return this.#needsNone || call.agent === this.#me || this.#opened.has(call.id);
  }

  /** Why a call that the page has turned to is not shown; "" while nothing is wrong. */
  refused(id) {
    return this.#refused.get(id) ?? "";
  }

  /** The console is another one, which media has not been told of. */
  connected() {
    this.#now.clear();
  }

  /** The page shows `calls`, and no others. Harmless to repeat: their agents may be others now, or they may have ended. */
  turnTo(calls) {
    const wanted = new Set(calls.filter((call) => this.#isToWrite(call)).map(({ id }) => id));
    for (const id of this.#now) if (!wanted.has(id)) this.#send({ type: "leave", call: id });
    const fresh = [...wanted].filter((id) => !this.#now.has(id));
    this.#now = wanted;
    for (const id of [...this.#refused.keys()]) if (!wanted.has(id)) this.#refused.delete(id);
    for (const id of fresh) this.#open(id);
  }

  #isToWrite(call) {
    return call.state !== "ended" && !this.#needsNone && call.agent !== this.#me;
  }

  async #open(id) {
    if (this.#asking.has(id)) return;
    this.#asking.add(id);
    const { error, said } = await command(this.#csrfToken, `/helping/${encodeURIComponent(id)}/read`);
    this.#asking.delete(id);
    if (error) return this.#refuse(id, error);
    const isNew = !this.#opened.has(id);
    this.#opened.add(id);
    if (!this.#now.has(id)) return;
    this.#send({ type: "read", ticket: said.ticket });
    if (this.#refused.delete(id) || isNew) this.#onChange();
  }

  #refuse(id, error) {
    if (!this.#now.has(id)) return;
    this.#refused.set(id, error);
    this.#onChange();
    setTimeout(() => this.#now.has(id) && this.#open(id), AGAIN_MS);
  }
}
