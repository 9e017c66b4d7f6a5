// Which state of a call is shown. Pure: a call and what is known of the page in, one word out.

const GRACE_MS = 2_000; // every new call waits briefly for a slot: not worth showing
const UNSETTLED = new Set(["waiting_for_slot", "reconnecting"]);
const CALM = new Set(["transcribing", "silent", "starting"]);
const NEEDS_ATTENTION = new Set([...UNSETTLED, "failed"]);

/** Whether `state` usually passes before anybody needs to know. */
export function isUnsettled(state) {
  return UNSETTLED.has(state);
}

/**
 * "ended", "stopped" (its words were), "stale" (its current state is unknown), "failed", "held", "ringing", or another of the contract's. `isLive`: whether the page
 * hears what happens now. A state that this page does not know yet is shown like live.
 */
export function shownState(call, isLive) {
  if (call.state === "ended" || call.state === "stopped") return call.state;
  if (!isLive || call.missing) return "stale";
  if (call.state === "failed" || call.state === "held") return call.state;
  if (!call.answered) return "ringing";
  if (UNSETTLED.has(call.state)) return Date.now() - call.unsettledSince < GRACE_MS ? call.calmState : call.state;
  return CALM.has(call.state) ? call.state : "transcribing";
}

export function needsAttention(call, isLive) {
  return NEEDS_ATTENTION.has(shownState(call, isLive));
}
