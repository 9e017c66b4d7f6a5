// The live calls as this page knows them: the console's transcript events folded into memory. No DOM, no network.
//
// A call: {id, direction, agent, startedAt (ms since 1970), answered, state, heldAt, reason, latencyMs, lines, byKey, spoken, isWhole, phrases,
// talk, marked, language, redacted, missing, calmState, unsettledSince}
// `spoken` is what was said last: {speaker, text, final, endMs}, of a call that is not followed only its end; `heldAt` (ms since 1970) is since
// when the customer is on hold. `isWhole`: all words so far are in `lines`; of a server that tells rows, only those of calls that are followed.
// `language` of its words ("en-AU", "" if not known); `redacted`: words are readable only once they are final.
// `talk`: who talked for how long (media's Talk), or null; `marked`: the keys of the lines that the reader has marked.
// `missing`: a snapshot left the call out, which may be because the process that held it died. `calmState` is the newest state that
// needs no attention; `unsettledSince` is since when (ms since 1970, this computer's clock) the state has been another, or null.
// `readers` are the supervisors who read along: {member, name}; `written` the lines that they wrote to the agent: {id, member, name, text, at}.
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
  #tellsRows = false; // whether the server tells rows, and words only of calls that are followed

  /** `onlyFor`: the member whose calls alone this page may show (an agent), or null. */
  constructor(onlyFor = null) {
    this.#onlyFor = onlyFor;
    this.calls = new Map();
  }

  /**
   * Fold one event of the console's contract in. Tells what changed: {kind, call, line} with kind
   * "all" | "started" | "facts" | "stopped" | "ended" | "line" | "latency" | "words" | "rows" (with `calls`), or null if nothing did.
   * A type this page does not know changes nothing, so that the contract may grow.
   */
  apply(event) {
    if (event.type === "snapshot") return this.#snapshot(event.calls);
    if (event.type === "call.started") return this.#start(event.call);
    if (event.type === "rows") return this.#rows(event.rows);
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

  /** Take the translations of a call's lines away. */
  forgetTranslations(call) {
    for (const line of call.lines) delete line.translation;
  }

  /** Whether all words of `call` so far are here, as far as the server has any. */
  hasWords(call) {
    return call.isWhole || !this.#tellsRows || call.state === "ended" || call.state === "stopped";
  }

  /** The call is not followed any more: of a server that tells rows, no further words come. */
  unfollow(call) {
    if (!this.#tellsRows) return;
    call.lines = [];
    call.byKey.clear();
    call.isWhole = false;
  }

  /** Keep that an ended call was there, without its words. */
  forgetWords(call) {
    call.lines = [];
    call.byKey.clear();
    call.spoken = null;
    call.phrases = [];
    call.marked.clear();
    call.talk = null;
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
    this.#tellsRows = false;
    const present = new Set(views.map((view) => view.call));
    for (const call of this.live()) {
      if (present.has(call.id)) continue;
      if (call.spoken || call.lines.length) call.missing = true;
      else end(call, "");
    }
    for (const view of views) this.#know(view);
    return { kind: "all" };
  }

  #rows(rows) {
    this.#tellsRows = true;
    const known = rows.map((row) => [this.calls.get(row.call), row]).filter(([call]) => call && call.state !== "ended");
    for (const [call, row] of known) put(call, row);
    return { kind: "rows", calls: known.map(([call]) => call) };
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
    call.phrases = [];
    call.spoken = null;
    call.marked.clear();
    call.talk = null;
    call.latencyMs = null;
    return { kind: "stopped", call };
  },
  "call.words": (call, event) => {
    call.talk = event.talk;
    call.phrases = [];
    know(call, event);
    call.isWhole = true;
    return { kind: "words", call };
  },
  state: (call, event) => {
    turn(call, event.state, event.held_at);
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
  readers: (call, event) => {
    call.readers = event.readers;
    return { kind: "facts", call };
  },
  line: (call, event) => received(call, event.line),
  phrase: (call, event) => noticed(call, event.phrase),
  talk: (call, event) => {
    call.talk = event.talk;
    return { kind: "facts", call };
  },
  translation: (call, event) => {
    const line = call.byKey.get(`u:${event.utterance}`);
    if (!line) return null;
    line.translation = { to: event.to, text: event.text };
    return { kind: "translation", call, line };
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
    spoken: null,
    isWhole: false,
    heldAt: null,
    phrases: [],
    readers: [],
    written: [],
    talk: null,
    marked: new Set(),
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
  call.language = view.language ?? "";
  call.redacted = Boolean(view.redacted);
  call.answered ||= isAnswered(view);
  call.missing = false;
  call.latencyMs = null;
  call.talk = view.talk ?? call.talk;
  turn(call, view.state, view.held_at);
  know(call, view);
  if (view.utterances.length) call.isWhole = true;
  for (const line of view.lines ?? []) received(call, line);
  return call;
}

// Fold in all that the server knows of a call's words.
function know(call, { utterances, gaps, phrases = [] }) {
  const known = new Set(utterances.map(({ id }) => id));
  for (const line of call.lines) if (line.utterance && !known.has(line.utterance.id)) settle(line);
  for (const utterance of utterances) placed(call, utteranceLine(utterance));
  for (const gap of gaps) owned(call, gap);
  for (const phrase of phrases) noticed(call, phrase);
}

// What has changed in a row.
function put(call, { state, held_at: heldAt, latency_ms: latencyMs, talk, latest, phrases = [] }) {
  call.missing = false;
  if (heldAt !== undefined) call.heldAt = heldAt;
  if (state !== undefined) turn(call, state, call.heldAt);
  if (latencyMs !== undefined) call.latencyMs = latencyMs;
  if (talk !== undefined) call.talk = talk;
  if (latest !== undefined) call.spoken = latest && { speaker: latest.speaker, text: latest.text, final: latest.final, endMs: latest.end_ms };
  if (call.spoken?.speaker === farSpeaker(call)) call.answered = true;
  for (const phrase of phrases) noticed(call, phrase);
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

function turn(call, state, heldAt = null) {
  call.heldAt = state === "held" ? heldAt : null;
  if (isUnsettled(state)) call.unsettledSince ??= Date.now();
  else Object.assign(call, { calmState: state === "held" ? call.calmState : state, unsettledSince: null });
  call.state = state;
}

function end(call, reason) {
  call.state = "ended";
  call.reason = reason;
  call.latencyMs = null;
}

function spokenIn({ speaker, text, final, end_ms: endMs }) {
  return { speaker, text, final, endMs };
}

function utteranceLine(utterance) {
  return { key: `u:${utterance.id}`, at: utterance.start_ms, kind: "utterance", utterance, settledHere: false };
}

function gapLine(gap, startedAt) {
  return { key: `g:${gap.from_ms}:${gap.cause}`, at: gap.from_ms, kind: "gap", gap, endedAt: startedAt + gap.to_ms };
}

// A phrase rule fired in an utterance, whose line is marked.
function noticed(call, phrase) {
  if (call.phrases.some(({ rule, at_ms: at }) => rule === phrase.rule && at === phrase.at_ms)) return null;
  call.phrases.push(phrase);
  const line = call.byKey.get(`u:${phrase.utterance}`);
  if (line) line.phrase = phrase.name;
  return line ? { kind: "phrase", call, line } : { kind: "phrase", call };
}

// A supervisor wrote to the agent.
function received(call, line) {
  if (call.written.some(({ id }) => id === line.id)) return null;
  call.written.push(line);
  return { kind: "facts", call };
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
  if (now.kind === "utterance") call.spoken = spokenIn(now.utterance);
  return { kind: "line", call, line: now };
}

function move(call, from, line) {
  if (from) call.lines.splice(call.lines.lastIndexOf(from), 1);
  let index = call.lines.length;
  while (index > 0 && call.lines[index - 1].at > line.at) index -= 1;
  call.lines.splice(index, 0, line);
  call.byKey.set(line.key, line);
}
