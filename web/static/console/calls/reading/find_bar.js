// Finds words in the call being read, also in lines that arrive. What was typed goes when the bar closes or another call is read.

import { make, part, put } from "../../../dom.js";
import { patternOf, piecesOf } from "./found.js";

export class FindBar {
  #list;
  #scroller;
  #found; // every place that was found, in order
  #pattern = null;
  #current = null;

  /** `list` shows the lines inside `scroller`. */
  constructor(list, scroller) {
    this.#list = list;
    this.#scroller = scroller;
    this.#found = list.getElementsByClassName("found");
    part("find-open").addEventListener("click", () => this.open());
    part("find-close").addEventListener("click", () => this.close());
    part("find-before").addEventListener("click", () => this.#move(-1));
    part("find-after").addEventListener("click", () => this.#move(1));
    part("find-text").addEventListener("input", () => this.#search());
    part("find").addEventListener("keydown", (event) => this.#onKey(event));
  }

  open() {
    part("find").hidden = false;
    part("find-text").focus();
    part("find-text").select();
  }

  /** Forget what was searched for. */
  close() {
    if (part("find").hidden) return;
    const hadFocus = part("find").contains(document.activeElement);
    part("find").hidden = true;
    part("find-text").value = "";
    this.#search();
    if (hadFocus) this.#scroller.focus();
  }

  /** Show in `row` what is searched for: its words are new or have changed. */
  paint(row) {
    const old = row.getElementsByClassName("found");
    if (!this.#pattern && !old.length) return;
    const at = this.#current && row.contains(this.#current) ? [...old].indexOf(this.#current) : -1;
    for (const span of row.querySelectorAll(".settled, .tentative")) {
      const text = span.textContent;
      const pieces = this.#pattern ? piecesOf(text, this.#pattern) : [];
      if (pieces.some(({ isFound }) => isFound)) {
        span.replaceChildren(...pieces.map((piece) => (piece.isFound ? make("mark", "found", piece.text) : piece.text)));
      } else if (span.childElementCount) span.textContent = text;
    }
    if (at >= 0) this.#choose(old[Math.min(at, old.length - 1)] ?? null);
  }

  /** Lines were drawn. */
  drawn() {
    if (!this.#pattern) return;
    if (!this.#current?.isConnected) this.#choose(this.#found[this.#found.length - 1] ?? null);
    this.#count();
  }

  #search() {
    this.#pattern = patternOf(part("find-text").value);
    this.#choose(null);
    for (const row of this.#list.querySelectorAll(".line")) this.paint(row);
    this.#choose(this.#found[this.#found.length - 1] ?? null); // the newest
    this.#reveal();
  }

  #move(step) {
    const count = this.#found.length;
    if (!count) return;
    const at = [...this.#found].indexOf(this.#current);
    this.#choose(this.#found[(at + step + count) % count]);
    this.#reveal();
  }

  #choose(found) {
    this.#current?.removeAttribute("data-current");
    this.#current = found;
    found?.setAttribute("data-current", "");
  }

  #reveal() {
    this.#count();
    this.#current?.scrollIntoView({ block: "center" });
    const line = this.#current?.closest(".line");
    const said = line ? `${line.querySelector(".speaker").textContent}: ${line.querySelector(".words").textContent}` : "";
    put(part("find-said"), [part("find-count").textContent, said].filter(Boolean).join(". "));
  }

  #count() {
    const count = this.#found.length;
    const at = [...this.#found].indexOf(this.#current) + 1;
    put(part("find-count"), this.#pattern ? (count ? `${at} of ${count}` : "Not found") : "");
    part("find").toggleAttribute("data-missing", Boolean(this.#pattern) && !count);
    part("find-before").disabled = part("find-after").disabled = !count;
  }

  #onKey(event) {
    if (event.isComposing) return;
    const isTyping = event.target === part("find-text");
    if (event.key === "Escape") this.close();
    else if (isTyping && event.key === "Enter") this.#move(event.shiftKey ? 1 : -1);
    else if (isTyping && event.key === "ArrowUp") this.#move(-1);
    else if (isTyping && event.key === "ArrowDown") this.#move(1);
    else return;
    event.preventDefault();
  }
}
