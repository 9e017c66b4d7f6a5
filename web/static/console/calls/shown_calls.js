// Which calls' words the page shows: one alone, several side by side, or none. Words that are shown no longer leave the page.

import { part } from "../../dom.js";

const ENDED_STAYS_MS = 4000; // so that the list does not jump under the pointer

export class ShownCalls {
  selected = null; // the id of the call that is read alone
  #lately = new Set(); // the ids of the calls that are shown
  #store;
  #me;
  #wall;
  #panel;
  #tiles;
  #opening;
  #onChange;

  /**
   * `me` is the member's id; `wall` and `tiles` are a supervisor's, else null; `panel` shows the one that is read alone. `opening` is
   * helping/opening.js's. `onChange()` runs when other calls are shown, or other calls are there.
   */
  constructor({ store, me, wall, panel, tiles, opening, onChange }) {
    this.#store = store;
    this.#me = me;
    this.#wall = wall;
    this.#panel = panel;
    this.#tiles = tiles;
    this.#opening = opening;
    this.#onChange = onChange;
  }

  /** The ids of the calls whose words are shown. */
  get ids() {
    if (this.#wall) return this.#wall.shown;
    return this.selected === null ? [] : [this.selected];
  }

  /** Those of them that are known. */
  get calls() {
    return this.ids.map((id) => this.#store.calls.get(id)).filter(Boolean);
  }

  has(id) {
    return this.ids.includes(id);
  }

  /** Whether the words of `call` are here and may be shown. */
  mayShow(call) {
    return this.#opening.mayShow(call) && (call.agent === this.#me || this.#store.hasWords(call));
  }

  /** What stands instead of the words of `call`. */
  whyNot(call) {
    return this.#opening.refused(call.id) || "Opening";
  }

  /** The call that is read alone, if its words may be shown. */
  get read() {
    const call = this.#store.calls.get(this.selected);
    return call && this.mayShow(call) ? call : null;
  }

  // Turning to other calls

  /** Read a call alone, or none (null). `isOwn`: nobody has asked for it, the page does so by itself. */
  select(id, isOwn = false) {
    if (this.#wall) this.#wall.open(id, isOwn);
    else this.#turnTo(id);
  }

  /** The wall shows other calls than before. */
  turn() {
    this.#turnTo(this.#wall.call);
    part("main").dataset.view = this.#wall.kind;
    part("newest").setAttribute("aria-pressed", String(this.#wall.followsNewest));
    this.#showTiles();
  }

  /** Take the ended call that was read off the page. */
  leave() {
    this.select(this.#wall ? null : this.#firstLive());
  }

  #turnTo(id) {
    const isAnother = id !== this.selected || id === null;
    this.selected = id;
    const now = new Set(this.ids);
    for (const each of this.#lately) if (!now.has(each)) this.#letGo(this.#store.calls.get(each));
    this.#lately = now;
    if (isAnother) this.#panel.show(this.read);
    part("main").dataset.pane = (this.#wall ? this.#wall.kind !== "wall" : id) ? "words" : "list";
    this.#onChange();
  }

  #letGo(call) {
    if (call?.state === "ended") this.#store.drop(call.id);
    else if (call && this.#wall) this.#store.unfollow(call);
  }

  // The call that is read without being asked for: of a supervisor only their own.
  #firstLive() {
    const isOwn = (call) => !this.#wall || call.agent === this.#me;
    return this.#store.inOrder().find((call) => call.state !== "ended" && isOwn(call))?.id ?? null;
  }

  // What has happened to calls

  /** After a snapshot: calls that have ended go, except those that are shown; what is shown is drawn whole. */
  renew() {
    for (const call of this.#store.inOrder()) if (call.state === "ended") this.bidFarewell(call);
    const call = this.#store.calls.get(this.selected);
    if (!call && (!this.#wall || this.#wall.kind === "wall")) this.select(this.#firstLive(), true);
    else if (call) this.refresh(call);
    for (const each of this.#tiles ? this.calls : []) this.#tiles.refresh(each);
  }

  /** The server has told the words of `call` whole. */
  refresh(call) {
    if (call.id === this.selected && this.read) {
      if (this.#panel.isShowing(call)) this.#panel.refresh(call);
      else this.#panel.show(call);
    }
    if (!this.has(call.id)) return;
    this.#tiles?.update(call);
    this.#tiles?.refresh(call);
  }

  /** A call has begun: the member's own is read at once, unless something else is. */
  welcome(call) {
    if (call.id === this.selected) return this.read ? this.#panel.refresh(call) : undefined;
    const read = this.#store.calls.get(this.selected);
    const isFree = this.#wall ? this.#wall.kind === "wall" && call.agent === this.#me : !read || read.state === "ended";
    if (isFree) this.select(call.id, true);
  }

  /** A call has ended: unless it is shown, its words go now and its row soon. */
  bidFarewell(call) {
    if (this.has(call.id)) return;
    this.#store.forgetWords(call);
    setTimeout(() => {
      if (!this.has(call.id) && this.#store.calls.get(call.id) === call) this.#store.drop(call.id);
      this.#onChange();
    }, ENDED_STAYS_MS);
  }

  /** Words may have gone from what is shown, or may be shown now. */
  show({ isRead = true } = {}) {
    if (isRead) this.#panel.show(this.read);
    this.#showTiles();
  }

  /** No call is known any more. */
  forgetAll() {
    this.#store.calls.clear();
    if (!this.#wall) this.select(null);
    this.#panel.show(null);
    this.#showTiles();
  }

  /** Let the panel show the call that is read now, and return it: whose call it is decides, and may change while it is selected. */
  settle() {
    const { read } = this;
    if (!this.#panel.isShowing(read)) this.#panel.show(read);
    return read;
  }

  /** Draw `lines`, a Map of call → Set of lines, where they are shown. */
  drawLines(lines) {
    const alone = this.read;
    for (const [call, some] of lines) {
      const known = [...some].filter((line) => call.byKey.get(line.key) === line);
      if (call === alone) this.#panel.draw(known);
      else this.#tiles?.draw(call, known);
    }
  }

  #showTiles() {
    this.#tiles?.show(this.#wall.places, (id) => this.#store.calls.get(id));
  }
}
