// Which callers who wait, and which of the team, the wall lists, and in which order. Pure: what the phone's server says in, rows out.

import { says, withoutComparisons } from "./arrange.js";
import { isWanted } from "./groups.js";
import { PRESENCE, besideName, history, who } from "../phone/phone_words.js";

const WAITING = {
  longest: ({ since }) => since,
  newest: ({ since }) => -since,
  customer: ({ caller }) => who(caller).toLowerCase(),
  line: ({ line }) => line.toLowerCase(),
};

const TEAM = {
  name: ({ name }) => name.toLowerCase(),
  state: ({ state }) => Object.keys(PRESENCE).indexOf(state),
  longest: ({ since }) => since,
  newest: ({ since }) => -since,
};

/** The callers who wait, as one sees them who typed `text`, of that `scope` (groups.js), in that `order`. */
export function waitingShown(rows, { text, scope, order }) {
  const words = withoutComparisons(text);
  const said = ({ caller, line }) => [who(caller), besideName(caller), line, history(caller)];
  return sorted(rows.filter((row) => isWanted(scope, row.groups ?? []) && says(said(row), words)), WAITING[order]);
}

/** The team, likewise. */
export function teamShown(rows, { text, scope, order }) {
  const words = withoutComparisons(text);
  const isOf = ({ member }) => scope === null || scope.agents.has(member);
  return sorted(rows.filter((row) => isOf(row) && says([row.name, PRESENCE[row.state]], words)), TEAM[order]);
}

// Those alike keep their order.
function sorted(rows, key) {
  if (!key) return rows;
  const keyed = rows.map((row) => [key(row), row]);
  return keyed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, row]) => row);
}
