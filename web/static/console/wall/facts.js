// What a row says of a call: FACTS of arrange.js. Pure: a call and what is known beside it in, values out. Nothing old passes for live.

import { needsAttention, shownState } from "../calls/call_state.js";
import { ALERTS, DIRECTIONS, SPEAKERS, stateWords, talkWords } from "../wording.js";

const HEARD = new Set(["transcribing", "silent"]); // while words come, delay and silence mean something
const SPOKEN = new Set([...HEARD, "reconnecting", "waiting_for_slot", "held", "ringing"]);

/**
 * `beside`: {isLive, now (ms since 1970), who (the title), customer: {name, number, line} or undefined, hand ("asked", "acknowledged" or
 * undefined), raised: kinds of alerts.js}.
 */
export function factsOf(call, { isLive, now, who, customer, hand, raised = [] }) {
  const state = shownState(call, isLive);
  const hears = HEARD.has(state);
  const said = SPOKEN.has(state) ? call.spoken : null;
  const talk = isLive && state !== "stopped" ? talkWords(call.talk) : null;
  return {
    call,
    lengthMs: Math.max(0, now - call.startedAt),
    who,
    customer: customer?.name ?? "",
    number: customer?.number ?? "",
    line: customer?.line ?? "",
    direction: DIRECTIONS[call.direction] ?? "",
    state,
    label: stateWords(state).label,
    speaker: said ? `${SPEAKERS[said.speaker]}: ` : "",
    words: said?.text ?? "",
    latencyMs: state === "transcribing" ? call.latencyMs : null,
    quietMs: hears && call.spoken ? Math.max(0, now - call.startedAt - call.spoken.endMs) : null,
    callerShare: talk?.callerShare ?? null,
    talk: talk?.brief ?? "",
    hand: state === "ended" ? null : (hand ?? null),
    alerts: isLive && state !== "ended" ? [...raised.map((kind) => ALERTS[kind]), ...newest(call.phrases)] : [],
    isRaised: isLive && raised.length > 0,
    isNeedy: needsAttention(call, isLive) || (isLive && (hand === "asked" || raised.length > 0)),
  };
}

function newest(phrases) {
  return [...new Set(phrases.filter(({ must_say: mustSay }) => !mustSay).map(({ name }) => name))].slice(-3).reverse();
}
