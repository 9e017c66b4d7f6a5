// What a supervisor does to calls from the wall: by a row's button, a tile's, or a key.

import { now } from "../clock.js";
import { part } from "../../dom.js";

export class WallActions {
  #store;
  #wall;
  #tools;
  #tiles;
  #alerts;
  #pane;
  #helpBar;
  #onRead;
  #onBack;
  #onChange;

  /**
   * `pane` is calls/calls_pane.js's; `helpBar()` gives helping/help_bar.js's or null. `onRead(id)` reads a call alone, `onBack()` shows all
   * calls; `onChange(call)` runs when its alerts are others.
   */
  constructor({ store, wall, tools, tiles, alerts, pane, helpBar, onRead, onBack, onChange }) {
    this.#store = store;
    this.#wall = wall;
    this.#tools = tools;
    this.#tiles = tiles;
    this.#alerts = alerts;
    this.#pane = pane;
    this.#helpBar = helpBar;
    this.#onRead = onRead;
    this.#onBack = onBack;
    this.#onChange = onChange;
    part("newest").addEventListener("click", () => this.#toggleNewest());
    part("tiles-back").addEventListener("click", onBack);
  }

  /** Whether one can be heard in the call `id`. */
  canHelp(id) {
    return this.#helpBar()?.canHelpIn(this.#store.calls.get(id)) ?? false;
  }

  /** Do what the button of a row or of a tile says to the call `id`. */
  press(what, id) {
    const wall = this.#wall;
    const does = { open: this.#onRead, beside: (each) => wall.toggle(each), pin: (each) => wall.pin(each), close: (each) => wall.close(each) };
    if (does[what]) return does[what](id);
    if (what === "snooze") return this.#snooze(id);
    const help = this.#helpBar();
    const helps = { listen: help?.listen, whisper: help?.whisper, barge: help?.barge, "take-over": help?.takeOver };
    helps[what]?.(this.#store.calls.get(id));
  }

  /** Shortcuts for keys.js, of the wall. `selected()` gives the call that is read alone, if any. */
  keys(selected) {
    const besides = () => this.#pointed() ?? selected();
    return {
      b: () => (besides() ? this.#wall.toggle(besides().id) : false),
      n: () => this.#toggleNewest(),
      o: () => part("order").focus(),
      u: () => (part("group").hidden ? false : part("group").focus()),
      w: this.#onBack,
      z: () => (this.#pointed() ? this.#snooze(this.#pointed().id) : false),
      x: () => (this.#tiles.focused ? this.#wall.pin(this.#tiles.focused) : false),
    };
  }

  /** Shortcuts for keys.js, of a supervisor whose softphone may join calls; what does not apply goes on to `others`. */
  helpKeys(others) {
    const help = this.#helpBar();
    return {
      "Alt+g": () => help.listen(this.#pointed()),
      "Alt+q": () => help.whisper(this.#pointed()),
      "Alt+b": () => help.barge(this.#pointed()),
      "Alt+y": () => help.takeOver(this.#pointed()),
      "Alt+z": help.end,
      "Alt+l": () => help.leave() || others["Alt+l"](),
    };
  }

  // The call that the keyboard points at, in the list or in a tile.
  #pointed() {
    return this.#store.calls.get(this.#pane.focused ?? this.#tiles.focused) ?? null;
  }

  #snooze(id) {
    this.#alerts.snooze(id, now());
    this.#onChange(this.#store.calls.get(id));
  }

  #toggleNewest() {
    const seen = this.#store.live().filter((call) => this.#tools.isSeen(call));
    this.#wall.toggleNewest(seen.sort((a, b) => b.startedAt - a.startedAt)[0]?.id ?? null);
  }
}
