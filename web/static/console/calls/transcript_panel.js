// The selected call: agent, duration, state and transcript.

import { shownState } from "./call_state.js";
import { make, makeButton, part, put } from "../../dom.js";
import { AutoScroll } from "./auto_scroll.js";
import { PhrasesPanel } from "./phrases_panel.js";
import { PickChips } from "./picks/pick_chips.js";
import { FindBar } from "./reading/find_bar.js";
import { LineTools } from "./reading/line_tools.js";
import { Reading } from "./reading/reading.js";
import { Translation } from "./reading/translation.js";
import { TranscriptView } from "./transcript_view.js";
import { CLOCK_TIME, DIRECTIONS, duration, latencyWords, stateWords, talkWords } from "../wording.js";

export class TranscriptPanel {
  #nameOf;
  #isLive;
  #onClear;
  #view;
  #scroll;
  #chips;
  #phrases;
  #find;
  #lines;
  #reading;
  #translation;
  #call = null;

  /**
   * `nameOf(call)` titles a call; `isLive()` tells whether the page hears what happens now; `onClear()` runs when the reader takes
   * an ended call off the page; `send(message)` sends to media; `onUntranslated(call)` runs when translations are to go.
   */
  constructor({ nameOf, isLive, onClear, send, onUntranslated }) {
    this.#nameOf = nameOf;
    this.#isLive = isLive;
    this.#onClear = onClear;
    this.#scroll = new AutoScroll(part("scroller"), part("lines"), part("jump"));
    this.#find = new FindBar(part("lines"), part("scroller"));
    this.#lines = new LineTools(part("lines"), part("copied"));
    this.#reading = new Reading(part("copied"));
    this.#translation = new Translation({ send, onOff: onUntranslated });
    this.#view = new TranscriptView({ list: part("lines"), log: part("announced"), scroll: this.#scroll, find: this.#find });
    this.#phrases = new PhrasesPanel([...part("must-say").content.children].map(({ value, textContent }) => ({ id: value, name: textContent })));
    this.#chips = new PickChips(part("lines"), part("copied"));
  }

  /** Read `call` from its newest words on; null takes every word off the page. */
  show(call) {
    this.#call = call;
    this.#chips.clear();
    this.#find.close();
    this.#translation.show(call);
    part("transcript").hidden = !call;
    part("placeholder").hidden = Boolean(call);
    this.#phrases.show(call);
    if (!call) {
      this.#lines.show(null);
      return this.#view.clear();
    }
    this.about();
    this.#view.show(call);
    this.#lines.show(call);
    this.#emptiness();
  }

  /** Whether the words of `call` are on the page. */
  isShowing(call) {
    return this.#call === call;
  }

  /** Redraw the same call after a fresh snapshot, without moving the reader. */
  refresh(call) {
    this.#call = call;
    this.#translation.show(call);
    this.about();
    this.#view.refresh(call);
    this.#drawn();
  }

  /** How the call is translated: see Translation. */
  get translation() {
    return this.#translation;
  }

  /** Draw new and revised `lines` of the call. */
  draw(lines) {
    this.#view.draw(this.#call, lines);
    this.#drawn();
  }

  /** Draw all that is said about the call itself. */
  about() {
    const call = this.#call;
    put(part("transcript-title"), this.#nameOf(call));
    part("lines").lang = call.language;
    part("redacted-note").hidden = !call.redacted;
    put(part("transcript-direction"), DIRECTIONS[call.direction] ?? "");
    put(part("transcript-since"), `since ${CLOCK_TIME.format(call.startedAt)}`);
    const state = shownState(call, this.#isLive());
    put(part("transcript-state"), stateWords(state).label);
    part("transcript-state").dataset.state = part("transcript").dataset.state = state;
    put(part("transcript-aside"), stateWords(state).aside ?? "");
    this.#note(state, call.reason);
    this.#phrases.show(call);
    this.#latency(state, call.latencyMs);
    this.#talk(call);
  }

  /** Put how long the call has lasted, as far as that is known. `now` in ms since 1970. */
  tick(now) {
    if (!this.#call || this.#call.state === "ended") return;
    const stale = shownState(this.#call, this.#isLive()) === "stale";
    put(part("transcript-time"), stale ? "" : duration(now - this.#call.startedAt));
  }

  toEnd() {
    this.#scroll.toEnd();
  }

  /** Copy what was picked up from the newest words, or, pressed again, from those before. Returns false if nothing was. */
  copyNext() {
    return this.#chips.copyNext();
  }

  /** What single keys do to the call that is read, and to how it looks. */
  get shortcuts() {
    const reading = (action) => () => (this.#call ? action() : false);
    return {
      End: () => this.toEnd(),
      Escape: () => this.#lines.choose(null),
      c: () => this.copyNext(),
      f: reading(() => this.#find.open()),
      m: reading(() => this.#lines.mark()),
      y: reading(() => this.#lines.copy()),
      g: reading(() => this.#lines.toMark()),
      "[": reading(() => this.#lines.move(-1)),
      "]": reading(() => this.#lines.move(1)),
      l: reading(() => this.#translation.toggle() || this.#reading.open()),
      v: () => this.#reading.toggleMode(),
      s: () => this.#reading.toggleAnnouncements(),
      "+": () => this.#reading.resize(1),
      "=": () => this.#reading.resize(1),
      "-": () => this.#reading.resize(-1),
    };
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
    badge.dataset.ms = ms;
    badge.title = full;
    badge.toggleAttribute("data-late", late);
  }

  #drawn() {
    this.#lines.drawn();
    this.#find.drawn();
    this.#emptiness();
  }

  #talk({ talk, state }) {
    const words = state === "stopped" ? null : talkWords(talk);
    part("talk").hidden = !words;
    if (!words) return;
    put(part("talk-words"), words.brief);
    part("talk").title = words.full;
    part("talk-share").style.setProperty("--caller-share", `${words.callerShare}%`);
  }

  #emptiness() {
    part("no-words").hidden = this.#call.lines.length > 0 || ["ended", "stopped"].includes(this.#call.state);
  }
}

function endWords(reason) {
  const what = reason === "reassigned" ? "Another agent has this call now." : "The call has ended.";
  return `${what} The server has forgotten its words; they disappear from this page when you leave the call.`;
}
