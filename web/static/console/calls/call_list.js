// The list of live calls: who is on, how long, how it goes, the last words. Keyed rows; one of them takes the Tab key.
//
// A supervisor's rows have more parts than an agent's: what the template has is filled.

import { shownState } from "./call_state.js";
import { put } from "../../dom.js";
import { inOrder, isMoving, matches } from "../wall/arrange.js";
import { duration, latencyWords } from "../wording.js";

const HANDS = { asked: "Asking for help", acknowledged: "Help is coming" };
const BUTTONS = ".call > button";

export class CallList {
  #list;
  #template;
  #factsOf;
  #isLive;
  #rows = new Map(); // call id → {item, button, parts by name}
  #filter = { text: "", attention: false, order: "longest", isOf: null };

  /**
   * `template` holds one row; `factsOf(call)` gives what it says (wall/arrange.js); `isLive()` tells whether the page hears what happens now;
   * `onSelect(id)` runs when the reader chooses one.
   */
  constructor({ list, template, factsOf, isLive, onSelect }) {
    this.#list = list;
    this.#template = template;
    this.#factsOf = factsOf;
    this.#isLive = isLive;
    list.addEventListener("click", (event) => {
      const item = event.target.closest(BUTTONS)?.parentNode;
      if (item) onSelect(item.dataset.call);
    });
  }

  /** Show only calls that match `text`, that `isOf(call)` is true of, and, with `attention`, those that need some; in that `order`. */
  filter(change) {
    Object.assign(this.#filter, change);
  }

  /** Whether calls are left out. */
  get isFiltered() {
    return this.#filter.attention || this.#filter.isOf !== null || this.#filter.text.trim() !== "";
  }

  /** Whether what calls say now decides which are shown, or where. */
  get isMoving() {
    return this.isFiltered || isMoving(this.#filter.order);
  }

  /** Whether the reader is about to choose one: then none must move. */
  get isInUse() {
    return this.#list.matches(":hover") || this.#list.contains(document.activeElement);
  }

  /** Draw `calls`; those that are read, `read`, whatever the filter says. Returns how many live ones the filter lets through. */
  draw(calls, read) {
    const facts = inOrder(calls.map((call) => this.#factsOf(call)), this.#filter.order);
    const matching = facts.filter((each) => this.#matches(each));
    const shown = facts.filter((each) => read.has(each.call.id) || matching.includes(each));
    const ids = new Set(shown.map(({ call }) => call.id));
    const focused = this.#list.contains(document.activeElement);
    for (const id of [...this.#rows.keys()].filter((id) => !ids.has(id))) this.#drop(id);
    let next = this.#list.firstElementChild;
    for (const each of shown) {
      const { item } = this.#row(each.call);
      this.#fill(each, read);
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
    if (focused && !this.#list.contains(document.activeElement)) this.move(0);
    this.#keepOneTabStop(read);
    return matching.filter(({ call }) => call.state !== "ended").length;
  }

  /** Draw one call's row again, if it is shown. */
  update(call, read) {
    if (this.#rows.has(call.id)) this.#fill(this.#factsOf(call), read);
  }

  /** Put how long each of `calls`, which are live, has lasted: as far as that is known. `now` in ms since 1970. */
  tick(calls, now) {
    for (const call of calls) {
      const row = this.#rows.get(call.id);
      if (row) put(row.time, shownState(call, this.#isLive()) === "stale" ? "" : duration(now - call.startedAt));
    }
  }

  /** The id of the call whose row is pointed at by the focus, or null. */
  get focused() {
    return (this.#list.contains(document.activeElement) && document.activeElement.closest("[data-call]")?.dataset.call) || null;
  }

  /** Move the focus `step` rows on, from where it is or from the selected call. */
  move(step) {
    const buttons = [...this.#list.querySelectorAll(BUTTONS)];
    if (!buttons.length) return;
    const from = buttons.indexOf(document.activeElement?.closest(".call")?.querySelector("button"));
    const start = from >= 0 ? from : buttons.findIndex((button) => button.tabIndex === 0);
    const at = from < 0 && start < 0 ? 0 : Math.min(buttons.length - 1, Math.max(0, start + step));
    for (const button of buttons) button.tabIndex = -1;
    buttons[at].tabIndex = 0;
    buttons[at].focus();
  }

  #matches(facts) {
    const { text, attention, isOf } = this.#filter;
    return (facts.isNeedy || !attention) && (isOf === null || isOf(facts.call)) && matches(facts, text);
  }

  #fill(facts, read) {
    const row = this.#rows.get(facts.call.id);
    const { item, button } = row;
    const state = facts.state;
    put(row.who, facts.who);
    put(row.direction, facts.direction);
    put(row.condition, [facts.label, ...facts.alerts.slice(0, 1)].join(" · "));
    put(row.speaker, facts.speaker);
    put(row.words, facts.words);
    if (item.dataset.state !== state) row.state.dataset.state = item.dataset.state = state;
    item.toggleAttribute("data-phrase", facts.alerts.length > 0);
    item.toggleAttribute("data-alert", facts.isRaised);
    if (row.label) this.#fillWide(row, facts);
    if (read.has(facts.call.id) === button.hasAttribute("aria-current")) return;
    if (read.has(facts.call.id)) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }

  #fillWide(row, facts) {
    put(row.label, facts.label);
    put(row.customer, facts.customer || facts.number);
    put(row.line, [facts.customer && facts.number, facts.line].filter(Boolean).join(" · "));
    const late = facts.latencyMs === null ? null : latencyWords(facts.latencyMs);
    put(row.delay, late ? late.brief : "");
    row.delay.toggleAttribute("data-late", Boolean(late?.late));
    const share = facts.callerShare === null ? "" : `${facts.callerShare}%`;
    if (row.share.dataset.caller !== share) {
      row.share.dataset.caller = share;
      row.share.style.setProperty("--caller-share", share || "50%");
      put(row.talk, share ? `Caller ${facts.callerShare} %, agent ${100 - facts.callerShare} %` : "");
    }
    put(row.hand, HANDS[facts.hand] ?? "");
    put(row.alerts, facts.alerts.join(" · "));
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

  #keepOneTabStop(read) {
    const buttons = [...this.#list.querySelectorAll(BUTTONS)];
    if (!buttons.length || buttons.some((button) => button.tabIndex === 0)) return;
    const current = [...read].map((id) => this.#rows.get(id)?.button).find(Boolean);
    (current ?? buttons[0]).tabIndex = 0;
  }
}
