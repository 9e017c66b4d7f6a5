// What stands where the words of a call would. Pure: how things are in, a title and a hint out.

const TO_BE_RUNG = { dial: "switch on “Taking calls” to be rung.", rooms: "choose “Available” to be rung." };

/**
 * `status` is connection/page_status.js's, `notice` its payment notice; `isOpening`: a call was chosen and may not be shown, `refused` why, if
 * that is not by and by; `isGone`: the call that was chosen is over and forgotten. `count`: how many calls there are; `idlePhone`: how calls
 * come in ("dial" or "rooms") to a member who takes none now, else null.
 */
export function placeholderWords({ status, notice, isOpening, refused, isGone, count, idlePhone }) {
  if (status === "barred") return ["Live words are off.", barredHint(notice)];
  if (status === "signed-out") return ["You are signed out.", ""];
  if (isOpening) return [refused ? "This call cannot be read now." : "Opening", refused];
  if (isGone && status === "open") return ["This call is over.", "The server has forgotten its words."];
  if (count) return ["Choose a call to read along.", "Arrow keys and Enter work too."];
  if (status !== "open") return ["Connecting", ""];
  const idle = idlePhone ? ` You are not taking calls: ${TO_BE_RUNG[idlePhone]}` : "";
  return ["No live calls.", `Words will appear here as they are spoken.${idle}`];
}

function barredHint(notice) {
  const calls = notice?.connects ? "Calls still connect, without words. " : "";
  return `${calls}This page checks automatically and shows words again once the payment is resolved.`;
}
