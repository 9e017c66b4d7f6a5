// Which alerts each call has: a long call, a long hold, late words, silence, nobody answers. No DOM.
//
// An alert is raised once at its limit, and cleared only well below: what hovers about the limit neither comes and goes nor is raised twice.
// What is not known raises nothing and clears: a call whose words are stale, stopped or not transcribed is not silent.

const CLEARED = 0.8; // of the limit
export const SNOOZE_MS = 15 * 60_000;
export const KINDS = ["waiting", "hold", "silence", "late_words", "call"];

const HEARD = new Set(["transcribing", "silent"]);
const GONE = new Set(["ended", "stale"]);

/**
 * How long each of that has lasted, in seconds, or null if it is not so or not known. `call` is calls_store.js's, `state` the one shown; `now`
 * in ms since 1970.
 */
export function measured(call, state, now) {
  const since = (ms) => Math.max(0, now - ms) / 1000;
  const isLive = !GONE.has(state);
  const spokenAt = call.spoken ? call.startedAt + call.spoken.endMs : null;
  return {
    waiting: state === "ringing" && call.direction === "inbound" ? since(call.startedAt) : null,
    hold: state === "held" && call.heldAt !== null ? since(call.heldAt) : null,
    silence: HEARD.has(state) && spokenAt !== null ? since(spokenAt) : null,
    late_words: state === "transcribing" && call.latencyMs !== null ? call.latencyMs / 1000 : null,
    call: isLive && state !== "ringing" ? since(call.startedAt) : null,
  };
}

/** The kinds that are raised now, of those that `were` before. `limits` in seconds by kind; null or absent: never. */
export function raised(were, values, limits) {
  return KINDS.filter((kind) => {
    const [value, limit] = [values[kind], limits[kind] ?? null];
    if (value === null || limit === null) return false;
    return value >= (were.includes(kind) ? CLEARED * limit : limit);
  });
}

export class Alerts {
  #limits;
  #raised = new Map(); // call id → kinds
  #snoozed = new Map(); // call id → Map of kind → until when (ms since 1970)

  constructor(limits) {
    this.#limits = limits;
  }

  /** Look at all `calls`, as `stateOf(call)` shows them. Returns those whose alerts are others now. */
  look(calls, stateOf, now) {
    const changed = [];
    const ids = new Set(calls.map(({ id }) => id));
    for (const known of [this.#raised, this.#snoozed]) for (const id of [...known.keys()]) if (!ids.has(id)) known.delete(id);
    for (const call of calls) {
      const before = this.of(call.id);
      const were = this.#raised.get(call.id) ?? [];
      this.#raised.set(call.id, raised(were, measured(call, stateOf(call), now), this.#limits));
      this.#wake(call.id, now);
      if (this.of(call.id).join() !== before.join()) changed.push(call);
    }
    return changed;
  }

  /** The kinds of the call's alerts that are not snoozed, the most pressing first. */
  of(id) {
    const snoozed = this.#snoozed.get(id);
    return (this.#raised.get(id) ?? []).filter((kind) => !snoozed?.has(kind));
  }

  /** Say nothing more of the alerts that the call has now, for a while. */
  snooze(id, now) {
    const until = this.#snoozed.get(id) ?? new Map();
    for (const kind of this.of(id)) until.set(kind, now + SNOOZE_MS);
    this.#snoozed.set(id, until);
  }

  #wake(id, now) {
    const snoozed = this.#snoozed.get(id);
    for (const [kind, until] of snoozed ?? []) if (now >= until) snoozed.delete(kind);
  }
}
