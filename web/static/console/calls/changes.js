// What of the page is to be drawn again: gathered as it changes, and drawn once a frame. While nobody sees the page, four times a second.

const HIDDEN_MS = 250;

export class Changes {
  #shown;
  #showsDelays;
  #onDraw;
  #isOrdered = false;
  #changed = nothing();

  /**
   * `shown` is shown_calls.js's; `showsDelays`: rows say how late words are. `onDraw({all, about, calls, lines})` draws: the whole list,
   * or the rows of the set `calls`; `about`: what stands above the words that are read; `lines`: a Map of call → Set of lines.
   */
  constructor({ shown, showsDelays, onDraw }) {
    this.#shown = shown;
    this.#showsDelays = showsDelays;
    this.#onDraw = onDraw;
  }

  /** Note a change of calls_store.js, or the kind "all". */
  note({ kind, call, calls = call ? [call] : [], line }) {
    const changed = this.#changed;
    if (kind === "all" || kind === "started") changed.all = changed.about = true;
    else if (kind !== "translation" && (this.#showsDelays || kind !== "latency")) for (const each of calls) changed.calls.add(each);
    if (line && this.#shown.has(call.id)) changed.lines.set(call, (changed.lines.get(call) ?? new Set()).add(line));
    if (calls.some(({ id }) => id === this.#shown.selected) && (!line || kind === "phrase")) changed.about = true;
    this.#order();
  }

  /** Draw what has changed, now. */
  draw() {
    this.#isOrdered = false;
    const changed = this.#changed;
    this.#changed = nothing();
    this.#onDraw(changed);
  }

  #order() {
    if (this.#isOrdered) return;
    this.#isOrdered = true;
    if (document.hidden) setTimeout(() => this.draw(), HIDDEN_MS);
    else requestAnimationFrame(() => this.draw());
  }
}

function nothing() {
  return { all: false, about: false, calls: new Set(), lines: new Map() };
}
