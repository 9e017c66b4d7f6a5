// The list of live calls: who is on, how long, how it goes, the last words. Keyed rows; one of them takes the Tab key.

import { needsAttention, shownState } from "./call_state.js";
import { put } from "../../dom.js";
import { DIRECTIONS, SPEAKERS, duration, stateWords } from "../wording.js";

export class CallList {
  #list;
  #template;
  #nameOf;
  #isLive;
  #onSelect;
  #rows = new Map(); // call id → {item, button, parts by name}
  #filter = { text: "", attention: false };

  /**
   * `template` holds one row; `nameOf(call)` titles it; `isLive()` tells whether the page hears what happens now; `onSelect(id)`
   * runs when the reader chooses one.
   */
  constructor({ list, template, nameOf, isLive, onSelect }) {
    this.#list = list;
    this.#template = template;
    this.#nameOf = nameOf;
    this.#isLive = isLive;
    this.#onSelect = onSelect;
    list.addEventListener("click", (event) => {
      const item = event.target.closest("[data-call]");
      if (item) this.#onSelect(item.dataset.call);
    });
  }

  /** Show only calls that match `text` (agent, direction or state) and, with `attention`, those that need some. */
  filter(change) {
    Object.assign(this.#filter, change);
  }

  /** Draw all `calls`, in that order. Returns how many the filter lets through. */
  draw(calls, selected) {
    const shown = calls.filter((call) => this.#matches(call) || call.id === selected);
    const ids = new Set(shown.map((call) => call.id));
    const focused = this.#list.contains(document.activeElement);
    for (const id of [...this.#rows.keys()].filter((id) => !ids.has(id))) this.#drop(id);
    let next = this.#list.firstElementChild;
    for (const call of shown) {
      const { item } = this.#row(call);
      this.update(call, selected);
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
    if (focused && !this.#list.contains(document.activeElement)) this.move(0);
    this.#keepOneTabStop(selected);
    return shown.length;
  }

  /** Draw one call's row again, if it is shown. */
  update(call, selected) {
    const row = this.#rows.get(call.id);
    if (!row) return;
    put(row.who, this.#nameOf(call));
    put(row.direction, DIRECTIONS[call.direction] ?? "");
    const state = shownState(call, this.#isLive());
    put(row.condition, stateWords(state).label);
    if (row.item.dataset.state !== state) row.state.dataset.state = row.item.dataset.state = state;
    const spoken = call.latest?.utterance;
    put(row.speaker, spoken ? `${SPEAKERS[spoken.speaker]}: ` : "");
    put(row.words, spoken?.text ?? "");
    const current = call.id === selected;
    if (current !== row.button.hasAttribute("aria-current")) {
      if (current) row.button.setAttribute("aria-current", "true");
      else row.button.removeAttribute("aria-current");
    }
  }

  /** Put how long each of `calls`, which are live, has lasted: as far as that is known. `now` in ms since 1970. */
  tick(calls, now) {
    for (const call of calls) {
      const row = this.#rows.get(call.id);
      if (row) put(row.time, shownState(call, this.#isLive()) === "stale" ? "" : duration(now - call.startedAt));
    }
  }

  /** Move the focus `step` rows on, from where it is or from the selected call. */
  move(step) {
    const buttons = [...this.#list.querySelectorAll("button")];
    if (!buttons.length) return;
    const from = buttons.indexOf(document.activeElement);
    const start = from >= 0 ? from : buttons.findIndex((button) => button.tabIndex === 0);
    const at = from < 0 && start < 0 ? 0 : Math.min(buttons.length - 1, Math.max(0, start + step));
    for (const button of buttons) button.tabIndex = -1;
    buttons[at].tabIndex = 0;
    buttons[at].focus();
  }

  #matches(call) {
    if (this.#filter.attention && !needsAttention(call, this.#isLive())) return false;
    const state = stateWords(shownState(call, this.#isLive())).label;
    const about = `${this.#nameOf(call)} ${call.direction} ${state}`.toLowerCase();
    return about.includes(this.#filter.text.trim().toLowerCase());
  }

  #row(call) {
    const known = this.#rows.get(call.id);
    if (known) return known;
    const item = this.#template.content.firstElementChild.cloneNode(true);
    item.dataset.call = call.id;
    const row = { item, button: item.querySelector("button") };
    for (const part of item.querySelectorAll("[data-part]")) row[part.dataset.part] = part;
    this.#rows.set(call.id, row);
    return row;
  }

  #drop(id) {
    this.#rows.get(id).item.remove();
    this.#rows.delete(id);
  }

  #keepOneTabStop(selected) {
    const buttons = [...this.#list.querySelectorAll("button")];
    if (!buttons.length || buttons.some((button) => button.tabIndex === 0)) return;
    (this.#rows.get(selected)?.button ?? buttons[0]).tabIndex = 0;
  }
}
