// What the phone says in plain words. Pure: values in, text out.

import { plural } from "../wording.js";

export const PRESENCE = {
  available: "Available",
  on_call: "On a call",
  wrap_up: "Wrap-up",
  break: "On a break",
  offline: "Offline",
  unreachable: "Unreachable",
};

const UNREACHABLE = {
  microphone: "Calls do not ring here: the browser is not allowed to use the microphone.",
  loading: "Calls do not ring here yet: the phone is connecting.",
  ready: "Calls do not ring here: the server has not heard from this page. It keeps trying.",
};
const UNREACHABLE_OTHERWISE = "Calls do not ring here: the phone has no connection. It keeps trying.";

const WARNINGS = {
  "high-rtt": "Your line is slow.",
  "low-mos": "The sound is poor. Move closer to the router, or use a cable.",
  "high-jitter": "The sound is poor. Move closer to the router, or use a cable.",
  "high-packet-loss": "The sound is poor. Move closer to the router, or use a cable.",
  "high-packets-lost-fraction": "The sound is poor. Move closer to the router, or use a cable.",
  "constant-audio-input-level": "We cannot hear you. Is the microphone muted, or is another one selected?",
  "low-bytes-received": "Nothing is coming from the other side.",
  "low-bytes-sent": "Nothing is reaching the other side.",
  "ice-connectivity-lost": "The sound is interrupted. The phone is reconnecting it.",
  "lost-microphone": "The microphone that you chose is not connected. The call uses another one.",
  "lost-ear": "The device that you chose for hearing calls is not connected. This call is heard on another one.",
  "no-microphone": "There is no microphone: the other side cannot hear you.",
};

const PHASES = {
  waiting: "Waiting for an agent",
  claimed: "Connecting you",
  dialling: "Calling",
  talking: "",
  alone: "The caller is waiting alone",
  elsewhere: "Connected to another number",
  over: "Over",
};

const PENDING = {
  hold: "Putting on hold",
  resume: "Taking off hold",
  transfer: "Transferring",
  "bring-in": "Bringing them in",
  complete: "Handing over",
  cancel: "Cancelling the transfer",
  add: "Adding",
  remove: "Removing",
  "hang-up": "Ending the call",
  leave: "Leaving",
};

const TRANSFER = {
  ringing: (name) => `Ringing ${name}`,
  consulting: (name) => `You are talking with ${name}. The caller hears music.`,
  three_way: (name) => `${name} is in the call.`,
};

const COME_BACK = "Resume with Alt+O, or ask somebody else with Alt+T.";
const OUTCOMES = { answered: "answered", missed: "missed", unanswered: "no answer", busy: "busy", failed: "failed", blocked: "blocked" };
const WISHES = { do_not_call: "Do not call", do_not_transcribe: "Do not transcribe" };
const DATE = new Intl.DateTimeFormat("en-AU", { day: "numeric", month: "short" });
const QUALITY = { excellent: "excellent", great: "very good", good: "good", fair: "fair", degraded: "poor" };

/** Who a PARTY is, for a heading: the name, else the number. */
export function who(party) {
  return party?.name || party?.number || "Unknown number";
}

/** What stands beside the name: the number, if the name has been said. */
export function besideName(party) {
  return party?.name && party.number ? party.number : "";
}

/** Which wishes of a PARTY are kept, as the server names them. */
export function wishesOf(party) {
  return Object.keys(WISHES).filter((wish) => party?.[wish]);
}

/** The same in words. */
export function wishes(party) {
  return wishesOf(party).map((wish) => WISHES[wish]).join(" · ");
}

/** Who wrote a note about a caller, and when. */
export function noteWords({ by, at }) {
  return `${by || "A member"}, ${DATE.format(at)}`;
}

/** Why a call has no words, as far as its phone knows. */
export function noWords({ opted_out, words_stopped }) {
  if (opted_out) return "This call is not transcribed: the contact is marked “do not transcribe”.";
  return words_stopped ? "Transcription of this call was stopped." : "";
}

/** What a PARTY's earlier calls were. */
export function history(party) {
  if (!party?.calls) return "First call";
  const calls = party.more_calls ? `over ${party.calls} earlier calls` : plural(party.calls, "earlier call", "earlier calls");
  if (!party.last) return calls;
  const outcome = OUTCOMES[party.last.outcome] ?? party.last.outcome;
  return `${calls}, last ${DATE.format(party.last.at)}${outcome ? `: ${outcome}` : ""}`;
}

/** Why a member who wants to be rung is not. `line` is shared_phone.js's. */
export function unreachableWords(line, mayHear) {
  if (!mayHear) return UNREACHABLE.microphone;
  return UNREACHABLE[line.phase] ?? UNREACHABLE_OTHERWISE;
}

/** The warnings of the SDK as sentences, each once. */
export function warningWords(names) {
  return [...new Set(names.map((name) => WARNINGS[name]).filter(Boolean))].join(" ");
}

/** How the call in hand stands: what was asked for and is not true yet comes first. */
export function callWords(call, line) {
  const pending = call.pending.map((each) => PENDING[each]).find(Boolean);
  if (line?.state === "reconnecting") return "The line is reconnecting";
  if (pending) return pending;
  if (!call.joined && line?.state === "joining") return "Connecting you";
  if (call.held) return "On hold. The caller hears music.";
  return PHASES[call.phase] ?? "";
}

/** What went wrong last. Only the agent can come back to a caller who was held for somebody who does not come. */
export function problemWords(call) {
  if (!call.problem) return "";
  return hasToComeBack(call) ? `${call.problem.words} ${COME_BACK}` : call.problem.words;
}

/** Whether the caller is on hold for nothing: whom the agent asked has declined, does not answer or has gone. */
export function hasToComeBack({ problem, held, transfer }) {
  return Boolean(problem && held && !transfer);
}

export function transferWords(transfer) {
  return TRANSFER[transfer.state]?.(transfer.to.name) ?? "";
}

/** The offer's kind, said before the caller. */
export function offerWords(offer) {
  if (offer.returning) return "Waiting for you";
  if (offer.kind === "consult") return `${offer.from ?? "A colleague"} is asking you about`;
  if (offer.kind === "transfer") return `${offer.from ?? "A colleague"} is handing over`;
  return "Incoming call";
}

/** A report of the SDK's line check. */
export function checkWords({ callQuality, stats, warnings }) {
  const delay = stats?.rtt ? ` Delay ${Math.round(stats.rtt.average)} ms.` : "";
  const advice = warningWords((warnings ?? []).map(({ name }) => name));
  const line = QUALITY[callQuality] ? `Your line is ${QUALITY[callQuality]}.` : "No sound came through.";
  return `${line}${delay}${advice ? ` ${advice}` : ""}`;
}
