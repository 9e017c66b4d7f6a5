// The live calls as this page knows them: the console's transcript events folded into memory. No DOM, no network.
//
// A call: {id, direction, agent, startedAt (ms since 1970), answered, state, reason, latencyMs, lines, byKey, latest, missing,
// calmState, unsettledSince}
// `missing`: a snapshot left the call out, which may be because the process that held it died. `calmState` is the newest state that
// needs no attention; `unsettledSince` is since when (ms since 1970, this computer's clock) the state has been another, or null.
// A line: {key, at (ms into the call), kind: "utterance" | "gap", and the utterance or the gap under that name};
// a gap's has endedAt (ms since 1970), too; an utterance's has settledHere: it is final because nobody revised it any more
// `lines` are in the order in which they were said. Words live here and on the page, and nowhere else.
//
// What was heard stays heard: a call that comes back after a lost connection keeps the lines that the server may have lost with
// a process, and a gap reported by the server begins where those end. A call that has ended keeps nothing for one of the same name.

import { isUnsettled } from "./call_state.js";

const SHORTEST_GAP_MS = 100; // media's: a shorter one is none

export class CallsStore {
  #onlyFor;

  /** `onlyFor`: the member whose calls alone this page may show (an agent), or null. */
  constructor(onlyFor = null) {
    this.#onlyFor = onlyFor;
    this.calls = new Map();
  }

  /**
   * Fold one event of the console's contract in. Tells what changed: {kind, call, line} with kind
   * "all" | "started" | "facts" | "stopped" | "ended" | "line" | "latency", or null if nothing did.
   * A type this page does not know changes nothing, so that the contract may grow.
   */
  apply(event) {
    if (event.type === "snapshot") return this.#snapshot(event.calls);
    if (event.type === "call.started") return this.#start(event.call);
    const call = this.calls.get(event.call);
    if (!call || call.state === "ended") return null;
    call.missing = false;
    if (this.#takenAway(event)) return CHANGES["call.ended"](call, { reason: "reassigned" });
    return CHANGES[event.type]?.(call, event) ?? null;
  }

  /** Calls that a snapshot left out, and that may still come back with another process. */
  missing() {
    return this.live().filter((call) => call.missing);
  }

  /** It is known from elsewhere that the call is over. */
  end(call) {
    end(call, "");
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

  // After that, the agent receives no more events of the call.
  #takenAway(event) {
    return event.type === "call.assigned" && this.#onlyFor !== null && event.agent !== this.#onlyFor;
  }

  // What a snapshot leaves out ended while this page was not listening, or was lost with a process and comes back.
  #snapshot(views) {
    const present = new Set(views.map((view) => view.call));
    for (const call of this.live()) {
      if (present.has(call.id)) continue;
      if (call.lines.length) call.missing = true;
      else end(call, "");
    }
    for (const view of views) this.#know(view);
    return { kind: "all" };
  }

  #start(view) {
    return { kind: "started", call: this.#know(view) };
  }

  #know(view) {
    const known = this.calls.get(view.call);
    if (known && known.state !== "ended") return merged(known, view);
    const call = fromView(view);
    this.calls.set(call.id, call);
    return call;
  }
}

const CHANGES = {
  "call.assigned": (call, event) => {
    call.agent = event.agent;
    call.answered ||= event.agent !== null;
    return { kind: "facts", call };
  },
  "call.ended": (call, event) => {
    end(call, event.reason);
    return { kind: "ended", call };
  },
  "call.stopped": (call) => {
    call.state = "stopped";
    call.latencyMs = null;
    return { kind: "stopped", call };
  },
  state: (call, event) => {
    turn(call, event.state);
    return { kind: "facts", call };
  },
  latency: (call, event) => {
    call.latencyMs = event.ms;
    return { kind: "latency", call };
  },
  utterance: (call, event) => {
    call.answered ||= event.utterance.speaker === farSpeaker(call);
    return placed(call, utteranceLine(event.utterance));
  },
  gap: (call, event) => owned(call, event.gap),
};

function fromView(view) {
  const call = {
    id: view.call,
    reason: "",
    latencyMs: null,
    lines: [],
    byKey: new Map(),
    latest: null,
    answered: false,
    calmState: "starting",
    unsettledSince: null,
  };
  return merged(call, view);
}

function merged(call, view) {
  call.direction = view.direction;
  call.agent = view.agent ?? null;
  call.startedAt = Date.parse(view.started_at);
  call.answered ||= isAnswered(view);
  call.missing = false;
  call.latencyMs = null;
  turn(call, view.state);
  const known = new Set(view.utterances.map((utterance) => utterance.id));
  for (const line of call.lines) if (line.utterance && !known.has(line.utterance.id)) settle(line);
  for (const utterance of view.utterances) placed(call, utteranceLine(utterance));
  for (const gap of view.gaps) owned(call, gap);
  return call;
}

// A server of the release before does not say.
function isAnswered({ answered, direction, agent, utterances }) {
  const spoken = utterances.some(({ speaker }) => speaker === farSpeaker({ direction }));
  return spoken || (direction === "inbound" ? Boolean(answered || agent) : (answered ?? true));
}

// Who speaks only once the call was answered.
function farSpeaker({ direction }) {
  return direction === "inbound" ? "agent" : "caller";
}

// What only this page still knows will hardly be revised; should the server have kept it all the same, its word counts.
function settle(line) {
  if (!line.utterance.final) Object.assign(line, { utterance: { ...line.utterance, final: true }, settledHere: true });
}

function turn(call, state) {
  if (!isUnsettled(state)) Object.assign(call, { calmState: state, unsettledSince: null });
  else call.unsettledSince ??= Date.now();
  call.state = state;
}

function end(call, reason) {
  call.state = "ended";
  call.reason = reason;
  call.latencyMs = null;
}

function utteranceLine(utterance) {
  return { key: `u:${utterance.id}`, at: utterance.start_ms, kind: "utterance", utterance, settledHere: false };
}

function gapLine(gap, startedAt) {
  return { key: `g:${gap.from_ms}:${gap.cause}`, at: gap.from_ms, kind: "gap", gap, endedAt: startedAt + gap.to_ms };
}

// What the server lost and this page still shows is not missing: the gap begins where that ends.
function owned(call, gap) {
  const inside = ({ utterance: said }) => said && said.start_ms >= gap.from_ms && said.start_ms < gap.to_ms;
  const ends = gap.cause === "bilby" ? call.lines.filter(inside).map(({ utterance }) => utterance.end_ms) : [];
  const from = Math.max(gap.from_ms, ...ends);
  if (ends.length && gap.to_ms - from < SHORTEST_GAP_MS) return null;
  return placed(call, gapLine({ ...gap, from_ms: from }, call.startedAt));
}

// The place of a line is where it was said; a revision stays where it is unless its start moved. A final is never revised.
function placed(call, line) {
  const known = call.byKey.get(line.key);
  if (known?.utterance?.final && !known.settledHere) return null;
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
