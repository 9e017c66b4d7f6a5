// Which calls the wall lists, and in which order. Pure: what rows say in, calls out.
//
// FACTS of a call: {call, lengthMs, who, customer, number, line, direction, state (shown), label, words, latencyMs, quietMs, callerShare,
// alerts, hand, isRaised (an alert that can be snoozed), isNeedy};
// what is not known is null.

const LAST = Number.POSITIVE_INFINITY;

// What each order compares, smallest first; those alike keep the order of their beginning.
const KEYS = {
  longest: () => 0,
  newest: ({ call }) => -call.startedAt,
  agent: ({ call, who }) => (call.agent ? who.toLowerCase() : "\uffff"),
  customer: ({ customer, number }) => (customer || number || "\uffff").toLowerCase(),
  line: ({ line }) => (line || "\uffff").toLowerCase(),
  state: ({ label }) => label.toLowerCase(),
  direction: ({ direction }) => direction || "\uffff",
  delay: ({ latencyMs }) => (latencyMs === null ? LAST : -latencyMs),
  quiet: ({ quietMs }) => (quietMs === null ? LAST : -quietMs),
  caller: ({ callerShare }) => (callerShare === null ? LAST : -callerShare),
  agents: ({ callerShare }) => (callerShare === null ? LAST : callerShare),
  alerts: ({ alerts, hand }) => -(alerts.length + (hand ? 1 : 0)),
};

/** The names of all orders. */
export const ORDERS = Object.keys(KEYS);

/** Whether an order changes by itself, as calls go on. */
export function isMoving(order) {
  return ["delay", "quiet", "caller", "agents", "alerts", "state"].includes(order);
}

/** `facts`, which are in order of the calls' beginning, in another order. */
export function inOrder(facts, order) {
  const key = KEYS[order] ?? KEYS.longest;
  const compared = facts.map((each) => [key(each), each]);
  return compared.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, each]) => each);
}

// What a number is compared with, by its name in the filter: minutes, seconds and per cent, as rows show them.
const MEASURES = {
  length: ({ lengthMs }) => lengthMs / 60_000,
  delay: ({ latencyMs }) => (latencyMs === null ? null : latencyMs / 1000),
  silence: ({ quietMs }) => (quietMs === null ? null : quietMs / 1000),
  caller: ({ callerShare }) => callerShare,
  agent: ({ callerShare }) => (callerShare === null ? null : 100 - callerShare),
};
const COMPARISON = new RegExp(`\\b(${Object.keys(MEASURES).join("|")})\\s*([<>])\\s*(\\d+(?:\\.\\d+)?)`, "gi");

/** Whether `text` stands in what the call's row says, the words on screen included; `delay>2` in it compares a number. */
export function matches(facts, text) {
  const { who, customer, number, line, direction, label, words, alerts, hand } = facts;
  const compared = [...text.matchAll(COMPARISON)].every(([, name, sign, limit]) => {
    const value = MEASURES[name.toLowerCase()](facts);
    return value !== null && (sign === ">" ? value > Number(limit) : value < Number(limit));
  });
  const texts = [who, customer, number, line, direction, label, words, ...alerts, hand ? "asking for help" : ""];
  return compared && says(texts, withoutComparisons(text));
}

/** What is left of `text` for rows that have none of these numbers. */
export function withoutComparisons(text) {
  return text.replace(COMPARISON, " ");
}

/** Whether each word of `text` stands in one of `texts`; numbers match however they are spaced. */
export function says(texts, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return true;
  const said = texts.filter(Boolean).join(" ").toLowerCase();
  if (said.includes(wanted) || wanted.split(/\s+/).every((word) => said.includes(word))) return true;
  const digits = wanted.replace(/[\s()+-]/g, "");
  return /^\d{2,}$/.test(digits) && local(said.replace(/[()]/g, "").replace(/(\d)[\s-]+(?=\d)/g, "$1")).includes(local(digits));
}

// As it is dialled in Australia.
function local(text) {
  return text.replace(/\+?\b61(?=\d{9})/g, "0");
}
