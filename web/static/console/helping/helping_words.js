// What the page says about supervisors in a call. Pure: values in, text out.

const OWN = {
  listen: "You are listening. Nobody can hear you.",
  whisper: (agent) => `Only ${agent} can hear you.`,
  barge: "Everybody in the call can hear you.",
  take_over: "You are taking over the call.",
};
const MUTED = "You were muted: the agents in this call have changed. Whisper again if you want to.";
const OTHERS = { listen: "listens", whisper: "whispers to the agent", barge: "speaks in the call", take_over: "takes the call over" };
const TO_AGENT = { listen: "listens", whisper: "speaks to you alone", barge: "speaks in the call", take_over: "takes the call over" };

/** How the member is in a call as a supervisor. `helping` is the server's part of that name. */
export function ownWords({ mode, joined, pending, was_muted: wasMuted, agent }) {
  if (!joined) return "Connecting you";
  if (wasMuted) return MUTED;
  if (pending) return "One moment, please";
  const words = OWN[mode] ?? "";
  return typeof words === "function" ? words(agent) : words;
}

/** Which other supervisors are in the call. */
export function othersWords(helpers) {
  return helpers.map(({ name, mode }) => `${name} ${OTHERS[mode] ?? "is in the call"}.`).join(" ");
}

/** Who helps, for the agent whose call it is. */
export function toAgentWords(helpers) {
  return helpers.map(({ name, mode }) => `${name} ${TO_AGENT[mode] ?? "is in the call"}.`).join(" ");
}
