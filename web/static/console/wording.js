// What the console says in plain words. Pure: values in, text out.

export const SPEAKERS = { caller: "Caller", agent: "Agent" };
export const CLOCK_TIME = new Intl.DateTimeFormat("en-AU", { hour: "numeric", minute: "2-digit" });
export const DIRECTIONS = { inbound: "Inbound", outbound: "Outbound" };

/**
 * Per shown state of a call (call_state.js): `label` for its chip; `aside`, a few words beside it; `detail`, a line above the words. Silence comes
 * and goes in every conversation, so it gets no line: the words would jump.
 */
export const STATES = {
  starting: { label: "Starting" },
  ringing: { label: "Ringing" },
  transcribing: { label: "Live" },
  waiting_for_slot: {
    label: "Waiting",
    detail: "Waiting for a free transcription slot. People can talk; their words appear once a slot is free.",
  },
  reconnecting: {
    label: "Reconnecting",
    detail: "Transcription is reconnecting. What is said in the meantime is added afterwards, as far as possible.",
  },
  silent: { label: "Silent", aside: "nobody has spoken for a while" },
  failed: {
    label: "No words",
    detail: "Transcription of this call has stopped. The call itself continues: people can keep talking.",
  },
  held: {
    label: "On hold",
    detail: "The customer is on hold. Nothing is transcribed until they are back.",
  },
  stale: { label: "Not live" },
  stopped: {
    label: "Words stopped",
    detail: "Transcription of this call was stopped. The call itself continues; its words are gone from every screen and will not come back.",
  },
  ended: { label: "Ended" },
};

/** What the wall says of an alert (wall/alerts.js). */
export const ALERTS = {
  waiting: "Nobody answers",
  hold: "Long hold",
  silence: "Long silence",
  late_words: "Late words",
  call: "Long call",
};

const CAUSES = {
  twilio: "lost on the way from the phone network",
  bilby: "lost in Bilby",
  transcribe: "lost while transcription was disconnected",
};

const TIME = new Intl.DateTimeFormat("en-AU", { timeStyle: "medium", hourCycle: "h23" });
const LATE_MS = 3000; // beyond this, words come late enough to mislead whoever answers them

/** `state` as one of STATES' own; one that this page does not know yet is shown like live. */
export function stateWords(state) {
  return STATES[state] ?? STATES.transcribing;
}

/** 65000 → "1:05", 3 605 000 → "1:00:05". Negative counts as nothing. */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A gap as a line of the transcript. `endedAt` is when it ended, ms since 1970. */
export function gapWords(gap, endedAt) {
  if (gap.from_ms === 0 && gap.cause === "bilby")
    return `Words before ${TIME.format(endedAt)} were lost when the server that held them failed.`;
  const cause = CAUSES[gap.cause] ?? "lost";
  return `${seconds(gap.to_ms - gap.from_ms)} missing: ${cause}`;
}

/** The delay's short form, its full sentence, and whether it is bad. */
export function latencyWords(ms) {
  return {
    brief: `${seconds(ms)} behind`,
    full: `Words arrive ${seconds(ms)} after they are spoken`,
    late: ms > LATE_MS,
  };
}

const SHORTEST_TALK_MS = 15_000; // before that, shares mean nothing

/**
 * What is told of who talked for how long (media's Talk): the short form, its full sentences and the caller's share of the talk in per cent;
 * null while too little was said.
 */
export function talkWords(talk) {
  const spoken = talk ? talk.caller_ms + talk.agent_ms : 0;
  if (spoken < SHORTEST_TALK_MS) return null;
  const callerShare = Math.round((100 * talk.caller_ms) / spoken);
  const all = Math.max(1, spoken - talk.both_ms + talk.silence_ms);
  const ofCall = (ms) => `${Math.round((100 * ms) / all)} %`;
  const pace = (words, ms) => (ms ? Math.round((60_000 * words) / ms) : 0);
  const [caller, agent] = [pace(talk.caller_words, talk.caller_ms), pace(talk.agent_words, talk.agent_ms)];
  return {
    callerShare,
    brief: `Caller ${callerShare} % · agent ${100 - callerShare} % · silence ${ofCall(talk.silence_ms)} · both at once ${ofCall(talk.both_ms)}`,
    full: `Pace, in words a minute: caller ${caller}, agent ${agent}. Silence and talking at the same time are shares of the call so far, not counting time on hold.`,
  };
}

/** `text` cut after its first `count` words: [what will not change any more, the rest]. */
export function splitStable(text, count) {
  if (count <= 0) return ["", text];
  const words = /\S+/g;
  for (let met = 0; met < count; met += 1) if (!words.exec(text)) return [text, ""];
  return [text.slice(0, words.lastIndex), text.slice(words.lastIndex).trimStart()];
}

export function plural(count, one, many) {
  return `${count} ${count === 1 ? one : many}`;
}

function seconds(ms) {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}
