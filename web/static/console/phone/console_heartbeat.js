// Tells the server that this browser's phone is alive. Whoever misses two heartbeats is not rung.
//
// A Worker's timer says when, because a hidden page's own timers are slowed down; the page itself sends, because a heartbeat must prove that
// the page still runs.

import { everyTick } from "../connection/silence.js";
import { command } from "./commands.js";

const KEPT = "bilby.console";
const BEAT_MS = 5_000;

/** This browser's name for its phone, the same for all its tabs and after a reload. */
export function consoleId() {
  let id = localStorage.getItem(KEPT);
  if (!id) {
    id = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    localStorage.setItem(KEPT, id);
  }
  return id;
}

export class ConsoleHeartbeat {
  isElsewhere = false; // another computer holds the phone
  #csrfToken;
  #facts;
  #onChange;
  #beatMs;
  #isRunning = false;
  #sentAt = 0;
  #sent = ""; // the facts of the last heartbeat

  /** `facts()` returns {registered, microphone} as they are now; `onChange()` runs when another computer takes the phone or lets it go. */
  constructor({ csrfToken, facts, onChange }, beatMs = BEAT_MS) {
    this.#csrfToken = csrfToken;
    this.#facts = facts;
    this.#onChange = onChange;
    this.#beatMs = beatMs;
    everyTick(() => this.#check());
  }

  start() {
    this.#isRunning = true;
    this.#beat();
  }

  stop() {
    this.#isRunning = false;
  }

  /** Send a heartbeat at once if the facts have changed. */
  note() {
    if (this.#isRunning && JSON.stringify(this.#facts()) !== this.#sent) this.#beat();
  }

  /** Make this browser's phone the member's. Returns what went wrong, or "". */
  async takeOver() {
    const { error } = await command(this.#csrfToken, "take-over", { console: consoleId() });
    if (!error) this.#become(false);
    if (!error) this.#beat();
    return error;
  }

  #check() {
    if (this.#isRunning && Date.now() - this.#sentAt >= this.#beatMs) this.#beat();
  }

  async #beat() {
    const facts = this.#facts();
    this.#sentAt = Date.now();
    this.#sent = JSON.stringify(facts);
    const { error, said } = await command(this.#csrfToken, "beat", { console: consoleId(), ...facts }, this.#beatMs);
    if (!error) this.#become(said.leader === false);
  }

  #become(isElsewhere) {
    if (this.isElsewhere === isElsewhere) return;
    this.isElsewhere = isElsewhere;
    this.#onChange();
  }
}
