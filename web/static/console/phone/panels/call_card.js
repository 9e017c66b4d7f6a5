// The call in hand: who it is, how it stands, and what can be done with it. What is shown is what the server says is true; what was asked
// for and is not true yet is shown as under way.

import { now } from "../../clock.js";
import { make, makeButton, part, put } from "../../../dom.js";
import { besideName, callWords, hasToComeBack, history, noWords, problemWords, transferWords, warningWords, who, wishes, wishesOf } from "../phone_words.js";
import { toAgentWords } from "../../helping/helping_words.js";
import { callerNotes } from "./caller_notes.js";
import { duration } from "../../wording.js";

const NOT_JOINED = "You are not connected to this call.";
const JOINS = new Set(["loading", "ready"]); // phases of the softphone: the first joins a moment later
const REJOINED_BY = "rejoin";
const HELP = { asked: "Help requested", acknowledged: "Help is coming" };
const OTHERS = new Set(["agent", "outside"]);

export class CallCard {
  #phone;
  #me;
  #onStopWords;
  #noted = null; // the id of the call whose notes are shown
  #busy = new Set(); // names of commands under way from here

  /** `me` is the member's id; `onStopWords(call_sid, name)` asks whether the words of a call are to stop; null where there are none. */
  constructor({ phone, me, onStopWords }) {
    this.#phone = phone;
    this.#me = me;
    this.#onStopWords = onStopWords;
    const press = (id, action) => part(id).addEventListener("click", action);
    press("hang-up", () => this.hangUp());
    press("hold", () => this.hold());
    press("mute", () => this.mute());
    press("leave", () => this.leave());
    press("rejoin", () => this.rejoin());
    press("raise-hand", () => this.askForHelp());
    press("phone-stop-words", () => this.stopWords());
    press("bring-in", () => this.bringIn());
    press("complete", () => this.complete());
    press("cancel-transfer", () => this.cancelTransfer());
  }

  get call() {
    return this.#phone.state?.call ?? null;
  }

  /** What stops a command, for keys.js: false without a call. */
  hangUp = () => this.#do("hang-up", (call) => this.#phone.hangUp(call));
  hold = () => this.#do(this.call?.held ? "resume" : "hold");
  leave = () => !part("leave").hidden && this.#do("leave", (call) => this.#phone.leave(call));
  rejoin = () => !part("rejoin").hidden && this.#do(REJOINED_BY, (call) => this.#phone.join(call, "rejoin"));
  askForHelp = () => !this.call?.help && this.#do("help");
  bringIn = () => !part("bring-in").hidden && this.#do("bring-in");
  complete = () => !part("complete").hidden && this.#do("complete");
  cancelTransfer = () => !part("cancel-transfer").hidden && this.#do("cancel");
  mute = () => this.#line && this.#do("mute", (call) => this.#phone.mute(call, !this.#isMuted));
  stopWords = () => !part("phone-stop-words").hidden && this.#onStopWords(this.call.call_sid, who(this.call.caller));

  /** Do `name` to the call in hand: `action(call id)`, or the server's command of that name. Shows a refusal. */
  async #do(name, action = (call) => this.#phone.tell(call, name)) {
    const call = this.call;
    if (!call || this.#busy.has(name)) return false;
    this.#busy.add(name);
    this.draw();
    const { error } = await action(call.call);
    this.#busy.delete(name);
    if (this.call?.call === call.call) put(part("call-said"), error);
    this.draw();
    return true;
  }

  /** Show a refusal of a command that was given elsewhere. */
  say(error) {
    put(part("call-said"), error);
  }

  draw() {
    const call = this.call;
    part("in-call").hidden = !call;
    if (!call) return this.#clear();
    part("in-call").dataset.call = call.call;
    part("in-call").dataset.phase = call.phase;
    part("in-call").toggleAttribute("data-held", call.held);
    put(part("call-who"), who(call.caller));
    put(part("call-about"), [besideName(call.caller), call.line].filter(Boolean).join(" · "));
    put(part("call-history"), history(call.caller));
    put(part("call-wishes"), wishes(call.caller));
    part("call-wishes").dataset.wishes = wishesOf(call.caller).join(" ");
    this.#drawNotes(call);
    put(part("call-state"), callWords(call, this.#line));
    put(part("call-helpers"), toAgentWords(call.helpers ?? []));
    part("call-helpers").dataset.modes = (call.helpers ?? []).map(({ mode }) => mode).join(" ");
    put(part("call-problem"), problemWords(call));
    const warnings = this.#line?.state === "joined" ? this.#phone.line.warnings : [];
    put(part("call-warning"), warningWords(warnings));
    part("call-warning").dataset.warnings = warnings.join(" ");
    this.#drawJoin(call);
    this.#drawButtons(call);
    this.#drawConsult(call);
    this.#drawParties(call);
    this.tick();
  }

  tick() {
    const call = this.call;
    if (call) put(part("call-time"), this.#phone.isFresh ? duration(now() - (call.answered ?? call.since)) : "");
    if (call) put(part("held-time"), call.held && call.held_since ? duration(now() - call.held_since) : "");
  }

  // Made again for another call only: who reads them scrolls, and would be thrown back at every change.
  #drawNotes(call) {
    if (this.#noted === call.call) return;
    this.#noted = call.call;
    part("call-notes").replaceChildren(callerNotes(call.noted));
  }

  #clear() {
    this.#noted = null;
    put(part("call-said"), "");
    put(part("call-state"), "");
  }

  get #line() {
    const { call } = this.#phone.line;
    return call && call.id === this.call?.call ? call : null;
  }

  get #isMuted() {
    return Boolean(this.#line?.muted || this.call?.muted);
  }

  // The server knows of a call, and this browser has no line to it: after a reload, or when the line broke.
  get #isAlone() {
    return !this.#line && !this.#phone.line.isElsewhere && this.call?.phase !== "over";
  }

  #drawJoin() {
    part("rejoin").hidden = !this.#isAlone;
    part("rejoin").disabled = !JOINS.has(this.#phone.line.phase) || this.#busy.has(REJOINED_BY);
    put(part("not-joined"), this.#isAlone ? NOT_JOINED : "");
  }

  #drawButtons(call) {
    const talks = Boolean(this.#line);
    const pending = new Set([...call.pending, ...this.#busy]);
    const isOn = (id, on) => part(id).setAttribute("aria-pressed", String(on));
    isOn("hold", call.held);
    put(part("hold").firstElementChild, call.held ? "Resume" : "Hold");
    part("hold").classList.toggle("go", hasToComeBack(call));
    part("hold").disabled = pending.has("hold") || pending.has("resume") || !this.#hasCustomer(call) || call.transfer?.state === "consulting";
    isOn("mute", this.#isMuted);
    put(part("mute").firstElementChild, this.#isMuted ? "Unmute" : "Mute");
    part("mute").disabled = !talks;
    part("hang-up").disabled = pending.has("hang-up");
    part("leave").hidden = !call.parties.some((party) => OTHERS.has(party.kind) && party.state !== "ringing" && party.member !== this.#me);
    const hasHelp = Boolean(call.help);
    put(part("raise-hand").firstElementChild, HELP[call.help] ?? "Get help");
    part("raise-hand").dataset.help = call.help ?? "";
    part("raise-hand").setAttribute("aria-disabled", String(hasHelp));
    for (const id of ["transfer-open", "add-open"]) part(id).disabled = !this.#hasCustomer(call) || Boolean(call.transfer);
    part("phone-stop-words").hidden = !this.#onStopWords || call.words_stopped || !call.call_sid;
    put(part("words-stopped"), noWords(call));
    part("words-stopped").toggleAttribute("data-opted-out", call.opted_out);
  }

  #hasCustomer(call) {
    return call.parties.some(({ kind, state }) => kind === "customer" && state !== "ringing");
  }

  #drawConsult({ transfer, pending }) {
    part("consult").hidden = !transfer;
    if (!transfer) return;
    part("consult").dataset.state = transfer.state;
    put(part("consult-words"), transferWords(transfer));
    part("bring-in").hidden = transfer.state !== "consulting";
    part("complete").hidden = transfer.kind !== "warm" || transfer.state === "ringing";
    part("cancel-transfer").hidden = transfer.state === "three_way";
    for (const [id, name] of [["bring-in", "bring-in"], ["complete", "complete"], ["cancel-transfer", "cancel"]])
      part(id).disabled = pending.includes(name) || this.#busy.has(name);
  }

  // Named as soon as there is somebody beside the caller and the member.
  #drawParties({ parties }) {
    const list = part("parties");
    const shown = parties.length > 2 || parties.some(({ kind }) => kind === "outside" || kind === "supervisor") ? parties : [];
    list.hidden = shown.length === 0;
    const key = JSON.stringify(shown);
    if (list.dataset.drawn === key) return;
    list.dataset.drawn = key;
    const focused = document.activeElement?.dataset?.remove;
    list.replaceChildren(...shown.map((party) => this.#partyRow(party)));
    if (focused) ([...list.querySelectorAll("[data-remove]")].find((button) => button.dataset.remove === focused) ?? part("hang-up")).focus();
  }

  #partyRow(party) {
    const isMe = party.member === this.#me;
    const item = make("li", "party");
    item.dataset.kind = party.kind;
    item.dataset.state = party.state;
    const states = [party.state === "ringing" ? "ringing" : "", party.state === "held" ? "on hold" : "", party.muted ? "muted" : ""];
    const words = states.filter(Boolean).join(", ");
    item.append(make("span", "party-name", isMe ? "You" : party.name), make("span", "party-state", words));
    if (!isMe && OTHERS.has(party.kind)) item.append(this.#removeButton(party));
    return item;
  }

  #removeButton({ label, name }) {
    const button = makeButton("Remove", () => this.#do("remove", (call) => this.#phone.tell(call, "remove", { label })));
    button.dataset.remove = label;
    button.append(make("span", "visually-hidden", ` ${name}`));
    return button;
  }
}
