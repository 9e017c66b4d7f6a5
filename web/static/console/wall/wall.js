// The supervisors' wall: which calls are read, alone or side by side, and what the address says of that. The page draws.
//
// The wall alone reads nothing. Whatever is shown is followed (media tells its words) and read (the audit log has it).

import { WALL, format, parse } from "./address.js";
import { added, pinned, placed, removed } from "./beside.js";

export class Wall {
  #onChange;
  #callOf;
  #view = WALL; // address.js's
  #places = []; // beside.js's
  #sees = null; // what was told last

  /** `callOf(id)` gives the call; `onChange()` runs when other calls are to be shown. */
  constructor({ callOf, onChange }) {
    this.#callOf = callOf;
    this.#onChange = onChange;
    addEventListener("popstate", () => this.follow());
    this.#take(parse(location.hash));
  }

  /** The id of the call that is read alone, or null. */
  get call() {
    return this.#view.call;
  }

  /** The calls that stand side by side: places of beside.js. */
  get places() {
    return this.#places;
  }

  /** "one", "grid" or "wall". */
  get kind() {
    if (this.#view.call) return "one";
    return this.#places.length || this.#view.newest ? "grid" : "wall";
  }

  get followsNewest() {
    return this.#view.newest;
  }

  /** The ids of all calls that are shown. */
  get shown() {
    return this.#view.call ? [this.#view.call] : this.#places.map(({ id }) => id);
  }

  /** Show what the address says: it has changed, or another page has given its place back. */
  follow() {
    if (location.hash.startsWith("#/")) return; // another page, in a frame
    this.#take(parse(location.hash));
    this.#turn();
  }

  /** Read the call `id` alone; null: show the wall. `isOwn`: the page does so by itself, which is no step to go back from. */
  open(id, isOwn = false) {
    this.#places = [];
    this.#go({ ...WALL, call: id }, isOwn);
  }

  /** Put the call `id` beside the others, or take it away. */
  toggle(id) {
    const places = this.#view.call ? added([], this.#view.call) : this.#places;
    const isThere = places.some((place) => place.id === id) && this.kind === "grid";
    this.#beside(isThere ? removed(places, id) : added(places, id, (other) => this.#isOver(other)));
  }

  pin(id) {
    this.#places = pinned(this.#places, id);
    this.#turn();
  }

  /** Take the call `id` away from the others. */
  close(id) {
    this.#beside(removed(this.#places, id));
  }

  /** Follow the newest calls from now on, beginning with `newest` (id or null), or no longer. */
  toggleNewest(newest) {
    const follows = !this.#view.newest;
    const places = this.#view.call ? added([], this.#view.call) : this.#places;
    this.#beside(follows && newest ? added(places, newest, (id) => this.#isOver(id)) : places, follows);
  }

  /** A call has begun. */
  began(id) {
    if (this.#view.newest) this.#beside(added(this.#places, id, (other) => this.#isOver(other)), true, true);
  }

  /** Put the address back that belongs to what is shown: another page's has gone. */
  mark() {
    history.replaceState(null, "", `${location.pathname}${format(this.#view)}`);
  }

  #isOver(id) {
    return (this.#callOf(id)?.state ?? "ended") === "ended";
  }

  #beside(places, newest = this.#view.newest, isOwn = false) {
    this.#places = places;
    this.#go({ call: null, calls: places.map(({ id }) => id), newest }, isOwn);
  }

  #go(view, isOwn) {
    const [before, now] = [format(this.#view), format(view)];
    this.#view = view;
    const isElsewhere = location.hash.startsWith("#/"); // another page has the address
    if (before !== now && !isElsewhere) history[isOwn ? "replaceState" : "pushState"](null, "", `${location.pathname}${now}`);
    this.#turn();
  }

  #take(view) {
    this.#view = view;
    this.#places = placed(this.#places, view.calls);
  }

  #turn() {
    const sees = JSON.stringify([this.#view, this.#places]);
    if (sees === this.#sees) return;
    this.#sees = sees;
    this.#onChange();
  }
}
