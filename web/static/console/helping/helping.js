// A supervisor helps: the commands, whatever gives them (the call being read, a row, a key). No DOM.
//
// Calls go by the id that transcripts go by, their CallSid. Each command returns {error, code, said}, of ../phone/commands.js.

import { command } from "../phone/commands.js";

export class Helping {
  #phone;
  #csrfToken;

  /** `phone` is shared_phone.js's: the softphone, and what the server says. `csrfToken()` is asked each time. */
  constructor({ phone, csrfToken }) {
    this.#phone = phone;
    this.#csrfToken = csrfToken;
  }

  /** The call that the member is in as a supervisor: {call, call_sid, mode, joined, pending, was_muted, agent, others}, or null. */
  get now() {
    return this.#phone.state?.helping ?? null;
  }

  /** Who else is in the call as a supervisor: [{member, name, mode}]. */
  othersIn(call, me) {
    return (this.#phone.state?.helped ?? []).filter((each) => each.call_sid === call && each.member !== me);
  }

  /** Whether the softphone could join, and is in no call of the member's own. */
  get isPossible() {
    const { line, state } = this.#phone;
    return line.phase === "ready" && !line.isElsewhere && Boolean(state) && !state.call;
  }

  /** Hear the call; nobody hears you. */
  listen(call) {
    return this.#phone.help(call, "listen");
  }

  /** Be heard by the call's agent alone. */
  whisper(call) {
    return this.#phone.help(call, "whisper");
  }

  /** Be heard by everybody in the call. */
  barge(call) {
    return this.#phone.help(call, "barge");
  }

  /** Become the call's agent. */
  takeOver(call) {
    return this.#phone.help(call, "take-over");
  }

  /** Leave the call to its agent. */
  leave() {
    return this.#phone.stopHelping();
  }

  /** End the call for everybody. Ask before. */
  end(call) {
    return command(this.#csrfToken, `/helping/${encodeURIComponent(call)}/end`);
  }

  /** Make a member offline who is away. */
  switchOff(member) {
    return command(this.#csrfToken, `/helping/members/${encodeURIComponent(member)}/switch-off`);
  }
}
