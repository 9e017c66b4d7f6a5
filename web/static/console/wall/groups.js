// The groups of agents, and what is of one: live calls, callers who wait, agents. The phone's server says so to whoever may see all calls. No DOM.
//
// A SCOPE is what one sees of the organisation: {groups: Set of ids, agents: Set of member ids}, or null for all of it.

export const ALL = "";
export const MINE = "mine"; // every group that the member is in

export class Groups {
  #me;
  #heard = null; // the server's state
  #all = []; // {id, name, members: ids}
  #wanted = new Map(); // call id → ids of the groups that are to answer it

  /** `me` is the member's id. */
  constructor(me) {
    this.#me = me;
  }

  /** Take over what the phone's server says: the `state` of phone_state.js, or null. Returns whether that is news. */
  hear(state) {
    const isNews = ["group_members", "live"].some((name) => state?.[name] !== this.#heard?.[name]);
    this.#heard = state;
    if (!isNews) return false;
    this.#all = state?.group_members ?? [];
    this.#wanted = new Map((state?.live ?? []).map(({ call_sid: sid, groups = [] }) => [sid, groups]));
    return true;
  }

  /** What may be chosen beside all: [{id, name}]. */
  get choices() {
    const named = this.#all.map(({ id, name }) => ({ id, name }));
    return this.#of(MINE).length ? [{ id: MINE, name: "My groups" }, ...named] : named;
  }

  /** The scope of a choice; null also for a group that is not there, or no longer. */
  scope(choice) {
    const groups = this.#of(choice);
    if (!groups.length) return null;
    return { groups: new Set(groups.map(({ id }) => id)), agents: new Set(groups.flatMap(({ members }) => members)) };
  }

  /** Whether the live call is of that scope: an agent of it has the call, or somebody of it may answer. */
  hasCall(scope, { id, agent }) {
    return scope === null || scope.agents.has(agent) || isWanted(scope, this.#wanted.get(id) ?? [], agent !== null);
  }

  #of(choice) {
    return this.#all.filter(({ id, members }) => (choice === MINE ? members.includes(this.#me) : id === choice));
  }
}

/** Whether somebody of the scope is to answer a call that rings these `groups`, or everybody if there are none. */
export function isWanted(scope, groups, isAnswered = false) {
  return scope === null || (groups.length ? groups.some((id) => scope.groups.has(id)) : !isAnswered);
}
