// One line of the transcript is chosen, by a click or the keyboard, to be marked or copied. Marks live as long as the call is on the page.

import { make, part, put } from "../../../dom.js";

export class LineTools {
  #list;
  #status;
  #tools;
  #call = null;
  #chosen = null; // a row

  /** `list` shows the lines; `status` is the live region that says what was done. */
  constructor(list, status) {
    this.#list = list;
    this.#status = status;
    this.#tools = part("line-tools").content.firstElementChild.cloneNode(true);
    this.#tools.querySelector("[data-do=mark]").addEventListener("click", () => this.mark());
    this.#tools.querySelector("[data-do=copy]").addEventListener("click", () => this.copy());
    part("to-mark").addEventListener("click", () => this.toMark());
    list.addEventListener("click", (event) => this.#onClick(event));
  }

  /** The lines are those of `call` now; null: none. */
  show(call) {
    this.choose(null);
    this.#call = call;
    this.drawn();
  }

  /** Lines were drawn: marks stay on theirs. */
  drawn() {
    const marked = this.#call?.marked ?? new Set();
    if (this.#chosen && !this.#chosen.isConnected) this.choose(null);
    if (marked.size) for (const row of this.#rows()) this.#showMark(row, marked.has(row.dataset.line));
    this.#countMarks();
  }

  /** Choose the line `step` lines on from the chosen one; without one, the newest. */
  move(step) {
    const rows = this.#rows();
    const at = rows.indexOf(this.#chosen);
    const row = at < 0 ? rows[rows.length - 1] : rows[Math.min(rows.length - 1, Math.max(0, at + step))];
    if (!row) return false;
    this.#go(row);
    return true;
  }

  /** Choose the marked line before the chosen one, or the newest marked one. */
  toMark() {
    const marked = this.#rows().filter((row) => row.hasAttribute("data-marked"));
    if (!marked.length) return false;
    const at = marked.indexOf(this.#chosen);
    this.#go(at > 0 ? marked[at - 1] : marked[marked.length - 1]);
    return true;
  }

  /** Mark the chosen line or, without one, the newest; or take its mark away. */
  mark() {
    const row = this.#target();
    if (!row) return false;
    const isMarked = !this.#call.marked.delete(row.dataset.line);
    if (isMarked) this.#call.marked.add(row.dataset.line);
    this.#showMark(row, isMarked);
    this.#label();
    this.#countMarks();
    put(this.#status, isMarked ? "Line marked" : "Mark removed");
    return true;
  }

  /** Copy the words of the chosen line or, without one, of the newest. */
  copy() {
    const row = this.#target();
    if (!row) return false;
    const words = [...row.querySelectorAll(".settled, .tentative")].map((span) => span.textContent.trim());
    this.#write(words.filter(Boolean).join(" "));
    return true;
  }

  /** Choose `row`; null: no line is chosen any more. Returns whether one was before. */
  choose(row) {
    const before = this.#chosen;
    before?.removeAttribute("data-chosen");
    this.#chosen = row;
    this.#tools.remove();
    if (!row) return Boolean(before);
    row.setAttribute("data-chosen", "");
    row.append(this.#tools);
    this.#label();
    return Boolean(before);
  }

  async #write(words) {
    try {
      await navigator.clipboard.writeText(words);
      put(this.#status, "Line copied");
    } catch {
      put(this.#status, "Your browser did not allow copying. Select the words and copy them yourself.");
    }
  }

  #onClick(event) {
    const row = event.target.closest(".line");
    if (!row || event.target.closest("button") || String(getSelection())) return;
    this.choose(row === this.#chosen ? null : row);
  }

  #go(row) {
    this.choose(row);
    row.tabIndex = -1; // so that screen readers read it out
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  #target() {
    const rows = this.#rows();
    return this.#chosen ?? rows[rows.length - 1] ?? null;
  }

  #rows() {
    return [...this.#list.querySelectorAll(".line")];
  }

  #showMark(row, isMarked) {
    if (row.hasAttribute("data-marked") === isMarked) return;
    row.toggleAttribute("data-marked", isMarked);
    if (isMarked) row.querySelector(".words").append(make("span", "mark-sign", " ★ marked"));
    else row.querySelector(".mark-sign")?.remove();
  }

  #label() {
    const isMarked = this.#chosen?.hasAttribute("data-marked") ?? false;
    put(this.#tools.querySelector("[data-do=mark] > span"), isMarked ? "Remove the mark" : "Mark");
  }

  #countMarks() {
    const count = this.#call?.marked.size ?? 0;
    part("to-mark").hidden = !count;
    put(part("mark-count"), String(count));
  }
}
