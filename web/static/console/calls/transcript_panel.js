// The selected call: agent, duration, state and transcript.

import { shownState } from "./call_state.js";
import { make, makeButton, part, put } from "../../dom.js";
import { Follow } from "./follow.js";
import { TranscriptView } from "./transcript_view.js";
import { DIRECTIONS, duration, latencyWords, stateWords } from "../wording.js";

const SIZES_REM = [1, 1.125, 1.3, 1.5, 1.8, 2.2];
const WIDE_PX = 1500; // such a screen is further away
const SIZE_PREFERENCE = "bilby.text-size";
const CLOCK = new Intl.DateTimeFormat("en-AU", { hour: "numeric", minute: "2-digit" });

export class TranscriptPanel {
  #nameOf;
  #isLive;
  #onClear;
  #view;
  #follow;
  #call = null;
  #size;

  /**
   * `nameOf(call)` titles a call; `isLive()` tells whether the page hears what happens now; `onClear()` runs when the reader takes
   * an ended call off the page.
   */
  constructor({ nameOf, isLive, onClear }) {
    this.#nameOf = nameOf;
    this.#isLive = isLive;
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

  /** Redraw the same call after a fresh snapshot, without moving the reader. */
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
    const state = shownState(call, this.#isLive());
    put(part("transcript-state"), stateWords(state).label);
    part("transcript-state").dataset.state = part("transcript").dataset.state = state;
    put(part("transcript-aside"), stateWords(state).aside ?? "");
    this.#note(state, call.reason);
    this.#latency(state, call.latencyMs);
  }

  /** Put how long the call has lasted, as far as that is known. `now` in ms since 1970. */
  tick(now) {
    if (!this.#call || this.#call.state === "ended") return;
    const stale = shownState(this.#call, this.#isLive()) === "stale";
    put(part("transcript-time"), stale ? "" : duration(now - this.#call.startedAt));
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

  #note(state, reason) {
    const note = part("state-note");
    if (note.dataset.state === state && note.dataset.reason === reason) return;
    Object.assign(note.dataset, { state, reason });
    const words = state === "ended" ? endWords(reason) : (stateWords(state).detail ?? "");
    note.replaceChildren(...(words ? [make("p", "", words)] : []));
    if (state === "ended") note.append(makeButton("Clear the words", () => this.#onClear()));
  }

  #latency(state, ms) {
    const badge = part("latency");
    badge.hidden = ms === null || state !== "transcribing";
    if (badge.hidden) return;
    const { brief, full, late } = latencyWords(ms);
    put(badge, brief);
    badge.title = full;
    badge.toggleAttribute("data-late", late);
  }

  #emptiness() {
    part("no-words").hidden = this.#call.lines.length > 0 || ["ended", "stopped"].includes(this.#call.state);
  }
}

function endWords(reason) {
  const what = reason === "reassigned" ? "Another agent has this call now." : "The call has ended.";
  return `${what} The server has forgotten its words; they go from this page when you leave the call.`;
}
