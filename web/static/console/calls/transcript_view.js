// Draws the lines of one call. Speech is untrusted text: it only ever becomes textContent.
//
// The lines stand in blocks, so that the browser can leave whole blocks out of its work while they are off screen
// (`content-visibility`): four hours of talk are thousands of lines, and one by one even skipping them costs.

import { make } from "../../dom.js";
import { PickChips } from "./picks/pick_chips.js";
import { Reading } from "./reading/reading.js";
import { SPEAKERS, duration, gapWords, splitStable } from "../wording.js";

const BLOCK = 60; // lines
const MOST_ANNOUNCED = 12; // lines the screen reader's log keeps

export class TranscriptView {
  #list;
  #log;
  #scroll;
  #find;
  #rows = new Map(); // line key → its element

  /** `list` shows the lines; `log` is the hidden live region that finals are announced in; `find` marks what is searched for. */
  constructor({ list, log, scroll, find }) {
    this.#find = find;
    this.#list = list;
    this.#log = log;
    this.#scroll = scroll;
  }

  /** Show `call` from its end, instead of whatever was shown. */
  show(call) {
    this.clear();
    for (const line of call.lines) this.#place(this.#row(line), null);
    this.#scroll.toEnd();
  }

  /** Make what is shown equal to `call` without moving the reader: after a fresh snapshot. */
  refresh(call) {
    const present = new Set(call.lines.map((line) => line.key));
    for (const key of [...this.#rows.keys()].filter((key) => !present.has(key))) this.#drop(key);
    let next = this.#list.querySelector("li");
    for (const line of call.lines) {
      const row = this.#row(line);
      if (row === next) next = rowAfter(row);
      else this.#place(row, next);
    }
  }

  /** Draw `lines` of `call` that are new or revised, and announce those just settled. */
  draw(call, lines) {
    for (const line of lines) {
      const known = this.#rows.get(line.key);
      const wasFinal = known && !known.hasAttribute("data-partial");
      if (!known) this.#scroll.added();
      const row = this.#row(line);
      const after = call.lines[call.lines.lastIndexOf(line) + 1];
      const next = after ? (this.#rows.get(after.key) ?? null) : null;
      if (!row.parentNode || rowAfter(row) !== next) this.#place(row, next);
      if (line.utterance?.final && !wasFinal) this.#announce(line.utterance);
    }
  }

  clear() {
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#log.replaceChildren();
  }

  #row(line) {
    let row = this.#rows.get(line.key);
    if (!row) this.#rows.set(line.key, (row = line.kind === "gap" ? gapRow() : speechRow(line)));
    if (line.kind === "gap") {
      row.dataset.ms = line.gap.to_ms - line.gap.from_ms;
      row.firstChild.textContent = gapWords(line.gap, line.endedAt);
    } else {
      row.dataset.line = line.key;
      fill(row, line.utterance);
      translate(row, line.translation);
      this.#find.paint(row);
    }
    if (line.phrase) row.dataset.phrase = line.phrase;
    return row;
  }

  // Before `next`, or at the end.
  #place(row, next) {
    if (next) return next.before(row);
    const last = this.#list.lastElementChild;
    if (last && last.childElementCount < BLOCK) return last.append(row);
    const block = make("ol", "block");
    block.append(row);
    this.#list.append(block);
  }

  #drop(key) {
    const row = this.#rows.get(key);
    const block = row.parentNode;
    row.remove();
    if (!block.childElementCount) block.remove();
    this.#rows.delete(key);
  }

  #announce({ speaker, text }) {
    if (!Reading.announces) return;
    this.#log.append(make("p", "", `${SPEAKERS[speaker]}: ${text}`));
    while (this.#log.childElementCount > MOST_ANNOUNCED) this.#log.firstChild.remove();
  }
}

// The row that follows, be it in the next block.
function rowAfter(row) {
  return row.nextElementSibling ?? row.parentNode.nextElementSibling?.firstElementChild ?? null;
}

function speechRow({ at, utterance: { speaker } }) {
  const who = make("p", "who");
  who.append(make("span", "speaker", SPEAKERS[speaker]), " ", make("span", "said-at", duration(at)));
  const words = make("p", "words");
  words.append(make("span", "settled"), " ", make("span", "tentative"));
  const row = make("li", `line ${speaker}`);
  row.append(who, words);
  return row;
}

// The leading words that will not change stand settled; the rest of a partial looks as tentative as it is.
function fill(row, { text, final, stable_words: stable }) {
  const [settled, tentative] = final ? [text, ""] : splitStable(text, stable);
  const [first, , second] = row.querySelector(".words").childNodes;
  if (first.textContent !== settled) first.textContent = settled;
  if (second.textContent !== tentative) second.textContent = tentative;
  row.toggleAttribute("data-partial", !final);
  if (final && !row.hasAttribute("data-picked")) {
    row.setAttribute("data-picked", "");
    row.append(...[PickChips.below(text)].filter(Boolean));
  }
}

function translate(row, translation) {
  const shown = row.querySelector(".translation");
  if (!translation) return shown?.remove();
  const { to, text } = translation;
  const words = shown ?? make("p", "translation");
  if (words.textContent !== text) words.textContent = text;
  words.lang = to;
  words.dir = "auto";
  if (!shown) row.querySelector(".words").after(words);
}

function gapRow() {
  const row = make("li", "gap");
  row.append(make("span", "gap-words"));
  return row;
}
