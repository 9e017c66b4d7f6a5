// Calls side by side: for each a tile with its head and its words. What else is done to a call needs it alone on the page.

import { part, put } from "../../dom.js";
import { AutoScroll } from "../calls/auto_scroll.js";
import { TranscriptView } from "../calls/transcript_view.js";
import { duration } from "../wording.js";

const NO_LOG = { append() {}, childElementCount: 0, replaceChildren() {} }; // only the call that is read alone is announced
const NO_FIND = { paint() {} };
const NO_WORDS = "Words will appear here as they are spoken.";

export class Tiles {
  #factsOf;
  #mayShow;
  #whyNot;
  #tiles = new Map(); // call id → Tile

  /**
   * `factsOf(call)` is a row's; `mayShow(call)`: its words are here and may be shown; `whyNot(call)`: what stands there instead. `onDo(what,
   * id)` runs when the reader presses a tile's button: "open", "pin", "close" or one of helping's.
   */
  constructor({ factsOf, mayShow, whyNot, onDo }) {
    this.#factsOf = factsOf;
    this.#mayShow = mayShow;
    this.#whyNot = whyNot;
    part("tiles").addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) onDo(button.dataset.do, button.closest(".tile").dataset.tile);
    });
  }

  /** Show `places` (beside.js), of which `callOf(id)` gives the call, or nothing if there is none. */
  show(places, callOf) {
    const shown = places.map((place) => [place, callOf(place.id)]).filter(([, call]) => call);
    const ids = new Set(shown.map(([{ id }]) => id));
    for (const [id, tile] of this.#tiles) if (!ids.has(id)) this.#drop(id, tile);
    let next = part("tiles").firstElementChild;
    for (const [{ pinned }, call] of shown) {
      const tile = this.#tiles.get(call.id) ?? this.#made(call.id);
      tile.pin(pinned);
      this.update(call);
      if (tile.item === next) next = next.nextElementSibling;
      else part("tiles").insertBefore(tile.item, next);
    }
    part("tiles").dataset.count = String(shown.length);
  }

  /** Draw all that is said about the call, and its words if they have just come or gone. */
  update(call) {
    const tile = this.#tiles.get(call.id);
    const mayShow = this.#mayShow(call);
    tile?.update(this.#factsOf(call), call, mayShow, mayShow ? "" : this.#whyNot(call));
  }

  /** Draw the call's words again, after the server has told them whole. */
  refresh(call) {
    if (this.#mayShow(call)) this.#tiles.get(call.id)?.view.refresh(call);
  }

  /** Draw new and revised `lines`. */
  draw(call, lines) {
    if (this.#mayShow(call)) this.#tiles.get(call.id)?.view.draw(call, lines);
  }

  /** `now` in ms since 1970. */
  tick(now) {
    for (const tile of this.#tiles.values()) tile.tick(now);
  }

  /** The id of the call whose tile has the focus, or null. */
  get focused() {
    return document.activeElement?.closest(".tile")?.dataset.tile ?? null;
  }

  #made(id) {
    const tile = new Tile(id);
    this.#tiles.set(id, tile);
    return tile;
  }

  #drop(id, tile) {
    tile.item.remove();
    this.#tiles.delete(id);
  }
}

class Tile {
  item;
  view;
  #parts = {};
  #call = null;
  #hasWords = false;

  constructor(id) {
    this.item = part("tile").content.firstElementChild.cloneNode(true);
    this.item.dataset.tile = id;
    for (const each of this.item.querySelectorAll("[data-part]")) this.#parts[each.dataset.part] = each;
    const { scroller, lines, jump } = this.#parts;
    this.view = new TranscriptView({ list: lines, log: NO_LOG, scroll: new AutoScroll(scroller, lines, jump), find: NO_FIND });
  }

  pin(isPinned) {
    this.#parts.pin.setAttribute("aria-pressed", String(isPinned));
  }

  update(facts, call, mayShow, instead) {
    const { who, customer, state, delay, share, hand, alerts, note, scroller } = this.#parts;
    this.#call = call;
    put(who, facts.who);
    put(customer, [facts.customer || facts.number, facts.line].filter(Boolean).join(" · "));
    put(state, facts.label);
    this.item.dataset.state = state.dataset.state = facts.state;
    put(delay, facts.latencyMs === null ? "" : `${(facts.latencyMs / 1000).toFixed(1)} s behind`);
    share.hidden = facts.callerShare === null;
    share.style.setProperty("--caller-share", `${facts.callerShare ?? 50}%`);
    share.title = facts.talk;
    put(hand, facts.hand === "asked" ? "Asking for help" : "");
    put(alerts, facts.alerts.join(" · "));
    put(note, instead || (call.lines.length ? "" : NO_WORDS));
    scroller.setAttribute("aria-label", `The words of ${facts.who}`);
    if (mayShow === this.#hasWords) return;
    this.#hasWords = mayShow;
    if (mayShow) this.view.show(call);
    else this.view.clear();
  }

  tick(now) {
    const isOld = !this.#call || ["ended", "stale"].includes(this.item.dataset.state);
    put(this.#parts.time, isOld ? "" : duration(now - this.#call.startedAt));
  }
}
