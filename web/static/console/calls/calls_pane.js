// The live calls beside their words: the list, how many there are, and what stands where words would.

import { CallList } from "./call_list.js";
import { now } from "../clock.js";
import { part, put } from "../../dom.js";

const MOVES_MS = 2_000; // between two looks at an order, or a choice, that changes by itself
const NO_CALLS = { open: "No live calls.", barred: "Calls are not shown now." }; // of the others nobody knows

export class CallsPane {
  #store;
  #pageStatus;
  #tools;
  #factsOf;
  #placeholder;
  #list;
  #movedAt = 0; // when the list was put in order
  #matching = 0; // how many live calls the filter lets through

  /**
   * `pageStatus` is connection/page_status.js's; `tools` is wall/wall_tools.js's or null; `factsOf(call)` is what its row says; `placeholder()`
   * gives what stands where words would: [title, hint]. `onSelect(id)` runs when the reader chooses a call.
   */
  constructor({ store, pageStatus, tools, factsOf, placeholder, onSelect }) {
    this.#store = store;
    this.#pageStatus = pageStatus;
    this.#tools = tools;
    this.#factsOf = factsOf;
    this.#placeholder = placeholder;
    const isLive = () => pageStatus.isLive;
    this.#list = new CallList({ list: part("call-list"), template: part("call-row"), factsOf, isLive, onSelect });
  }

  /** Show other calls, or in another order: as `filter` says, which is wall_tools.js's. */
  filter(filter) {
    this.#list.filter(filter);
  }

  /** Whether it is time to put the list in order again, or to see which calls it shows. */
  get isDue() {
    return this.#list.isMoving && !this.#list.isInUse && now() - this.#movedAt >= MOVES_MS;
  }

  /** The id of the call whose row has the focus, or null. */
  get focused() {
    return this.#list.focused;
  }

  /** Move the focus `step` rows on. */
  move(step) {
    this.#list.move(step);
  }

  /** Draw the whole list; `read` are the ids of the calls whose words are shown. */
  draw(read) {
    const calls = this.#store.inOrder();
    this.#matching = this.#list.draw(calls, read);
    this.#movedAt = now();
    part("calls-empty").hidden = part("call-list").childElementCount > 0;
    put(part("calls-empty-words"), calls.length ? "No call matches." : (NO_CALLS[this.#pageStatus.status] ?? ""));
    if (part("test-call")) part("test-call").hidden = calls.length > 0 || !this.#pageStatus.isLive;
    const [title, hint] = this.#placeholder();
    put(part("placeholder-title"), title);
    put(part("placeholder-hint"), hint);
  }

  /** Draw the rows of `calls` again. */
  update(calls, read) {
    for (const each of calls) this.#list.update(each, read);
  }

  /** Draw how many calls there are, and how many need attention. */
  count() {
    const calls = this.#store.live();
    const count = this.#list.isFiltered ? `${this.#matching} of ${calls.length}` : String(calls.length);
    put(part("call-count"), calls.length && this.#pageStatus.isLive ? count : "");
    this.#tools?.showNeedy(calls.filter((call) => this.#tools.isSeen(call) && this.#factsOf(call).isNeedy).length);
  }

  /** Draw how long each call has lasted. */
  tick() {
    this.#list.tick(this.#store.live(), now());
  }
}
