// What the page says of each call: who it is with, and all that its row shows.

import { now } from "../clock.js";
import { part } from "../../dom.js";
import { Callers } from "../wall/callers.js";
import { factsOf } from "../wall/facts.js";
import { DIRECTIONS } from "../wording.js";

export class CallFacts {
  #isAgent;
  #pageStatus;
  #alerts;
  #phone;
  #callers = new Callers();
  #members = new Map([...part("members").content.children].map((member) => [member.value, member.textContent]));

  /** `isAgent`: the member sees their own calls only; `alerts` is wall/alerts.js's or null; `phone()` gives the phone on the page or null. */
  constructor({ isAgent, pageStatus, alerts, phone }) {
    this.#isAgent = isAgent;
    this.#pageStatus = pageStatus;
    this.#alerts = alerts;
    this.#phone = phone;
  }

  /** Take over what the phone's server says (phone_state.js). Returns whether that is news. */
  hear(state) {
    return this.#callers.hear(state);
  }

  /** The title of `call`: the agent, or for an agent the caller. */
  nameOf = (call) => {
    const caller = this.#phone()?.callerOf?.(call.id);
    if (caller) return caller;
    if (this.#isAgent) return `${DIRECTIONS[call.direction] ?? ""} call`;
    if (!call.agent) return "Not answered yet";
    return this.#members.get(call.agent) ?? `Agent ${call.agent.slice(-4)}`;
  };

  /** FACTS of wall/arrange.js, as they are now. */
  of = (call) => {
    const beside = { customer: this.#callers.customer(call.id), hand: this.#callers.hand(call.id), raised: this.#alerts?.of(call.id) };
    return factsOf(call, { ...beside, who: this.nameOf(call), isLive: this.#pageStatus.isLive, now: now() });
  };
}
