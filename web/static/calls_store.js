// The live calls as this page knows them: the console's transcript events folded into memory. No DOM, no clock, no network.
//
// A call: {id, direction, agent, startedAt (ms since 1970), state, reason, latencyMs, lines, byKey, latest}
// A line: {key, at (ms into the call), kind: "utterance" | "gap", and the utterance or the gap under that name};
// a gap's has endedAt (ms since 1970), too
// `lines` are in the order in which they were said. Words live here and on the page, and nowhere else.

export class CallsStore {
  #onlyFor;

  /** `onlyFor`: the member whose calls alone this page may show (an agent), or null. */
  constructor(onlyFor = null) {
    this.#onlyFor = onlyFor;
    this.calls = new Map();
  }

  /**
   * Fold one event of the console's contract in. Tells what changed: {kind, call, line} with kind
   * "all" | "started" | "facts" | "ended" | "line" | "latency", or null if nothing did.
   * A type this page does not know changes nothing, so that the contract may grow.
   */
  apply(event) {
    if (event.type === "snapshot") return this.#snapshot(event.calls);
    if (event.type === "call.started") return this.#start(event.call);
    const call = this.calls.get(event.call);
    if (!call || call.state === "ended") return null;
    if (this.#takenAway(event)) return CHANGES["call.ended"](call, { reason: "reassigned" });
    return CHANGES[event.type]?.(call, event) ?? null;
  }

  /** Forget a call and its words. */
  drop(id) {
    this.calls.delete(id);
  }

  /** Keep that an ended call was there, without its words. */
  forgetWords(call) {
    call.lines = [];
    call.byKey.clear();
    call.latest = null;
  }

  /** Every call, longest running first: a new one never moves those above it. */
  inOrder() {
    return [...this.calls.values()].sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1));
  }

  live() {
    return [...this.calls.values()].filter((call) => call.state !== "ended");
  }

  // After that, an agent is told nothing more of the call.
  #takenAway(event) {
    return event.type === "call.assigned" && this.#onlyFor !== null && event.agent !== this.#onlyFor;
  }

  // What a snapshot leaves out ended while this page was not listening.
  #snapshot(views) {
    const present = new Set(views.map((view) => view.call));
    for (const call of this.calls.values()) if (!present.has(call.id)) end(call, "");
    for (const view of views) this.calls.set(view.call, fromView(view));
    return { kind: "all" };
  }

  #start(view) {
    const call = fromView(view);
    this.calls.set(call.id, call);
    return { kind: "started", call };
  }
}

const CHANGES = {
  "call.assigned": (call, event) => {
    call.agent = event.agent;
    return { kind: "facts", call };
  },
  "call.ended": (call, event) => {
    end(call, event.reason);
    return { kind: "ended", call };
  },
  state: (call, event) => {
    call.state = event.state;
    return { kind: "facts", call };
  },
  latency: (call, event) => {
    call.latencyMs = event.ms;
    return { kind: "latency", call };
  },
  utterance: (call, event) => placed(call, utteranceLine(event.utterance)),
  gap: (call, event) => placed(call, gapLine(event.gap, call.startedAt)),
};

function fromView(view) {
  const call = {
    id: view.call,
    direction: view.direction,
    agent: view.agent ?? null,
    startedAt: Date.parse(view.started_at),
    state: view.state,
    reason: "",
    latencyMs: null,
    lines: [],
    byKey: new Map(),
    latest: null,
  };
  for (const utterance of view.utterances) placed(call, utteranceLine(utterance));
  for (const gap of view.gaps) placed(call, gapLine(gap, call.startedAt));
  return call;
}

function end(call, reason) {
  call.state = "ended";
  call.reason = reason;
  call.latencyMs = null;
}

function utteranceLine(utterance) {
  return { key: `u:${utterance.id}`, at: utterance.start_ms, kind: "utterance", utterance };
}

function gapLine(gap, startedAt) {
  return { key: `g:${gap.from_ms}:${gap.cause}`, at: gap.from_ms, kind: "gap", gap, endedAt: startedAt + gap.to_ms };
}

// The place of a line is where it was said; a revision stays where it is unless its start moved. A final is never revised.
function placed(call, line) {
  const known = call.byKey.get(line.key);
  if (known?.utterance?.final) return null;
  if (known?.at === line.at) Object.assign(known, line);
  else move(call, known, line);
  const now = call.byKey.get(line.key);
  if (now.kind === "utterance") call.latest = now;
  return { kind: "line", call, line: now };
}

function move(call, from, line) {
  if (from) call.lines.splice(call.lines.lastIndexOf(from), 1);
  let index = call.lines.length;
  while (index > 0 && call.lines[index - 1].at > line.at) index -= 1;
  call.lines.splice(index, 0, line);
  call.byKey.set(line.key, line);
}
