// The phone as the server sees it, kept up to date by its event stream. No DOM.
//
// The first event of a connection carries the whole state, later ones the parts that changed. A stream that says nothing for a while is
// dead, whatever the browser thinks of it: what it last said is kept, and is not "fresh" any more.

import { waitBefore } from "../connection/connection.js";
import { everyTick, SilenceWatch } from "../connection/silence.js";

const TIMING = {
  staleMs: 15_000, // the server says something every 5 s
  firstWaitMs: 0, // before the first try again; then growing
};

export class PhoneState {
  state = null; // the server's, merged; null until it is known
  isFresh = false;
  #url;
  #onChange;
  #timing;
  #source = null;
  #silence = null;
  #tries = 0;
  #retryAt = 0;
  #isWhole = false; // whether this connection has sent the whole state

  /** `onChange()` runs when the state changed, and when it became fresh or stale. */
  constructor({ onChange, url = "/phone/events" }, timing = {}) {
    this.#url = url;
    this.#onChange = onChange;
    this.#timing = { ...TIMING, ...timing };
    everyTick(() => this.#check());
  }

  start() {
    if (this.#source) return;
    this.#silence = new SilenceWatch(this.#timing.staleMs);
    this.#isWhole = false;
    const source = (this.#source = new EventSource(this.#url));
    const on = (name, act) => source.addEventListener(name, (event) => source === this.#source && act(event));
    on("open", () => (this.#isWhole = false));
    on("phone", (event) => this.#hear(JSON.parse(event.data)));
    on("beat", () => this.#live());
    on("error", () => source.readyState === EventSource.CLOSED && this.#lose());
  }

  /** Hear no more, and forget what was heard. */
  stop() {
    this.#close();
    this.#retryAt = 0;
    this.state = null;
    this.isFresh = false;
  }

  /** Take the state over from a tab that hears the stream; `isFresh` is that tab's word. */
  take(state, isFresh) {
    this.#close();
    this.#retryAt = 0;
    this.state = state;
    this.isFresh = isFresh;
    this.#silence = new SilenceWatch(this.#timing.staleMs);
    this.#onChange();
  }

  #hear(said) {
    this.state = this.#isWhole ? { ...this.state, ...said } : said;
    this.#isWhole = true;
    this.isFresh = true;
    this.#tries = 0;
    this.#silence.heard();
    this.#onChange();
  }

  #live() {
    this.#silence.heard();
    if (!this.#isWhole || this.isFresh) return;
    this.isFresh = true;
    this.#onChange();
  }

  #lose() {
    this.#close();
    this.#retryAt = Date.now() + (this.#tries ? waitBefore(this.#tries - 1) : this.#timing.firstWaitMs);
    this.#tries += 1;
  }

  #check() {
    if (this.#silence?.isSilent) this.#becomeStale();
    if (!this.#source && this.#retryAt && Date.now() >= this.#retryAt) this.start();
  }

  #becomeStale() {
    if (this.#source) this.#lose();
    if (!this.isFresh) return;
    this.isFresh = false;
    this.#onChange();
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }
}
