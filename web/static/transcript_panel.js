// The call that is being read: who, how long, how it goes, and its words.

import { make, makeButton, part, put } from "./dom.js";
import { Follow } from "./follow.js";
import { TranscriptView } from "./transcript_view.js";
import { DIRECTIONS, duration, latencyWords, stateWords } from "./wording.js";

const SIZES_REM = [1, 1.125, 1.3, 1.5, 1.8, 2.2];
const WIDE_PX = 1500; // such a screen stands further off
const SIZE_PREFERENCE = "bilby.text-size";
const CLOCK = new Intl.DateTimeFormat("en-AU", { hour: "numeric", minute: "2-digit" });

export class TranscriptPanel {
  #nameOf;
  #onClear;
  #view;
  #follow;
  #call = null;
  #size;
  #stale = false;

  /** `nameOf(call)` titles a call; `onClear()` runs when the reader takes an ended call off the page. */
  constructor({ nameOf, onClear }) {
    this.#nameOf = nameOf;
    this.#onClear = onClear;
    this.#follow = new Follow(part("scroller"), part("lines"), part("jump"));
    this.#view = new TranscriptView({ list: part("lines"), log: part("announced"), follow: this.#follow });
    part("smaller").addEventListener("click", () => this.resize(-1));
    part("larger").addEventListener("click", () => this.resize(1));
    this.#size = Number(localStorage.getItem(SIZE_PREFERENCE) ?? (innerWidth < WIDE_PX ? 1 : 2));
    this.resize(0);
  }

  /** Read `call` from its newest words on; null takes every word off the page. */
  show(call) {
    this.#call = call;
    part("transcript").hidden = !call;
    part("placeholder").hidden = Boolean(call);
    if (!call) return this.#view.clear();
    this.about();
    this.#view.show(call);
    this.#emptiness();
  }

  /** The same call, known anew after a fresh snapshot: the reader stays where they are. */
  refresh(call) {
    this.#call = call;
    this.about();
    this.#view.refresh(call);
    this.#emptiness();
  }

  /** Draw new and revised `lines` of the call. */
  draw(lines) {
    this.#view.draw(this.#call, lines);
    this.#emptiness();
  }

  /** Draw all that is said about the call itself. */
  about() {
    const call = this.#call;
    put(part("transcript-title"), this.#nameOf(call));
    put(part("transcript-direction"), DIRECTIONS[call.direction] ?? "");
    put(part("transcript-since"), `since ${CLOCK.format(call.startedAt)}`);
    const state = part("transcript-state");
    put(state, this.#stale && call.state === "transcribing" ? "Not live" : stateWords(call.state).label);
    state.dataset.state = call.state;
    put(part("transcript-aside"), stateWords(call.state).aside ?? "");
    this.#note(call);
    this.#latency(call);
  }

  /** Whether what is shown may be behind, because the socket is gone. */
  stale(stale) {
    this.#stale = stale;
    if (this.#call) this.about();
  }

  /** `now` in ms since 1970. */
  tick(now) {
    if (this.#call && this.#call.state !== "ended") put(part("transcript-time"), duration(now - this.#call.startedAt));
  }

  toEnd() {
    this.#follow.toEnd();
  }

  /** Make the words `step` sizes larger. Remembered on this computer. */
  resize(step) {
    this.#size = Math.min(SIZES_REM.length - 1, Math.max(0, this.#size + step));
    part("lines").style.setProperty("--text-size", `${SIZES_REM[this.#size]}rem`);
    if (step) localStorage.setItem(SIZE_PREFERENCE, String(this.#size));
    part("smaller").disabled = this.#size === 0;
    part("larger").disabled = this.#size === SIZES_REM.length - 1;
  }

  #note(call) {
    const note = part("state-note");
    if (note.dataset.state === call.state && note.dataset.reason === call.reason) return;
    Object.assign(note.dataset, { state: call.state, reason: call.reason });
    const words = call.state === "ended" ? endWords(call.reason) : (stateWords(call.state).detail ?? "");
    note.replaceChildren(...(words ? [make("p", "", words)] : []));
    if (call.state === "ended") note.append(makeButton("Clear the words", () => this.#onClear()));
  }

  #latency(call) {
    const badge = part("latency");
    badge.hidden = call.latencyMs === null || call.state !== "transcribing";
    if (badge.hidden) return;
    const { brief, full, late } = latencyWords(call.latencyMs);
    put(badge, brief);
    badge.title = full;
    badge.toggleAttribute("data-late", late);
  }

  #emptiness() {
    part("no-words").hidden = this.#call.lines.length > 0 || this.#call.state === "ended";
  }
}

function endWords(reason) {
  const what = reason === "reassigned" ? "Another agent has this call now." : "The call has ended.";
  return `${what} The server has forgotten its words; they go from this page when you leave the call.`;
}
