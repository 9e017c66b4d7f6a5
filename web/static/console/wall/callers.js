// Whose each live call is, and who asks for help: what the phone's server says to whoever may see all calls. No DOM.

export class Callers {
  #heard = null; // the server's state
  #customers = new Map(); // call id → {name, number, line}
  #hands = new Map(); // call id → "asked" or "acknowledged"

  /** Take over what the phone's server says: the `state` of phone_state.js, or null. Returns whether that is news. */
  hear(state) {
    const isNews = state?.live !== this.#heard?.live || state?.help !== this.#heard?.help;
    this.#heard = state;
    if (!isNews) return false;
    this.#customers = new Map((state?.live ?? []).map((each) => [each.call_sid, each]));
    this.#hands = new Map((state?.help ?? []).map((each) => [each.call_sid, each.state]));
    return true;
  }

  /** {name, number, line} of the call's customer; undefined if that is not known. */
  customer(id) {
    return this.#customers.get(id);
  }

  /** Whether the call's agent has asked for help: "asked", "acknowledged" or undefined. */
  hand(id) {
    return this.#hands.get(id);
  }
}
