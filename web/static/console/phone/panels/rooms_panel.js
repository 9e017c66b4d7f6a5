// The phone on the page, where every call is a room: its panels, its keys, and what it tells the rest of the page.

import { setClock } from "../../clock.js";
import { part } from "../../../dom.js";
import { CallCard } from "./call_card.js";
import { SharedPhone } from "../shared_phone.js";
import { DialForm } from "../dial_form.js";
import { Headset } from "../softphone/headset.js";
import { Offers } from "./offers.js";
import { PeopleLists } from "./people_lists.js";
import { PresenceControl } from "./presence_control.js";
import { Recent } from "../recent.js";
import { RingSignals } from "./ring_signals.js";
import { SoundDialog } from "./sound_dialog.js";
import { TargetDialog } from "./target_dialog.js";
import { WrapUp } from "./wrap_up.js";

export class RoomsPanel {
  #phone;
  #presence;
  #offers;
  #card;
  #targets;
  #wrapUp;
  #lists;
  #signals;
  #headset;
  #form;
  #recent;
  #onTalking;
  #onChange;
  #clockOf = null; // the state that the clock was set by
  #ringing = 0; // how many offers were drawn
  #onDraw;
  #told = ""; // what the page knows
  #talkingOn = null; // id of the call that the page was told of

  /**
   * `csrfToken()` is asked each time; `onTalking(call_sid)` when a conversation begins; `onStopWords(call_sid, name)` when the words of a
   * call are to stop, null where no words are shown; `onDraw()` after each drawing; `onSwitchOff`, `onListen` and `seen` are people_lists.js's; `onChange()` when what the rest of the page asks of the phone may have changed. `timing` is shared_phone.js's.
   */
  constructor({ member, sdk, csrfToken, onTalking, onStopWords, onChange, onDraw = () => {}, onSwitchOff, onListen, seen }, timing = {}) {
    this.#onDraw = onDraw;
    this.#onTalking = onTalking;
    this.#onChange = onChange;
    const phone = (this.#phone = new SharedPhone({ member, sdk, csrfToken, onChange: () => this.#draw() }, timing));
    this.#presence = new PresenceControl({ phone });
    this.#offers = new Offers({ phone });
    this.#card = new CallCard({ phone, me: member, onStopWords });
    this.#targets = new TargetDialog({ phone, me: member });
    this.#wrapUp = new WrapUp({ phone });
    this.#lists = new PeopleLists({ phone, onSwitchOff, onListen, seen });
    this.#signals = new RingSignals({ phone });
    this.#headset = new Headset({ onHook: (isOffHook) => this.#hook(isOffHook), onMute: () => this.#phone.isLeader && this.#card.mute() });
    new SoundDialog({ phone, signals: this.#signals, headset: this.#headset, sdk, csrfToken });
    const onDial = (number) => this.#dial(number);
    this.#form = new DialForm({ csrfToken, onDial });
    this.#recent = new Recent({ csrfToken, onDial });
    part("keypad").addEventListener("click", (event) => this.#key(event.target.closest("button")?.value));
    for (const open of document.querySelectorAll(".keypad-open")) open.addEventListener("click", () => this.#toggleKeypad());
    addEventListener("beforeunload", (event) => this.#holdsPage && event.preventDefault());
    this.#headset.resume();
    phone.start();
  }

  /** The phone itself, for what else of the page concerns sound. */
  get desk() {
    return this.#phone;
  }

  /** Draw the lists of people again: others of them are to be shown. */
  drawLists() {
    this.#lists.draw();
  }

  get available() {
    return this.#presence.isAvailable;
  }

  /** Whether leaving the page now would cut something off. */
  get busy() {
    return Boolean(this.#phone.line.call || this.#phone.state?.call || this.#phone.state?.helping || this.#offers.all.length || this.#wrapUp.isOpen);
  }

  /** The name of the other party of the member's own call, by the id that transcripts go by; "" for another call. */
  callerOf(callSid) {
    const call = this.#phone.state?.call;
    return call && call.call_sid === callSid ? (call.caller.name ?? "") : "";
  }

  /** The member has signed out in another tab. */
  signOut() {
    this.#phone.signOut();
  }

  /** The member has signed in again in another tab. */
  signIn() {
    this.#phone.signIn();
  }

  /** Shortcuts for keys.js; each returns false when there is nothing to do. What changes a call has Alt. */
  get shortcuts() {
    const card = this.#card;
    const withCall = (action) => () => Boolean(card.call) && action();
    return {
      "Alt+a": () => this.#offers.all.length > 0 && this.#offers.answer(),
      "Alt+n": () => this.#offers.all.length > 0 && this.#offers.decline(),
      "Alt+h": withCall(card.hangUp),
      "Alt+l": withCall(card.leave),
      "Alt+o": withCall(card.hold),
      "Alt+m": withCall(card.mute),
      "Alt+j": () => (card.call ? card.rejoin() : this.#offers.rejoin()),
      "Alt+t": () => this.#targets.open("transfer"),
      "Alt+p": () => this.#targets.open("add"),
      "Alt+i": withCall(card.bringIn),
      "Alt+c": withCall(card.complete),
      "Alt+x": withCall(card.cancelTransfer),
      "Alt+e": withCall(card.askForHelp),
      "Alt+s": withCall(card.stopWords),
      "Alt+k": () => this.#toggleKeypad(),
      "Alt+w": () => this.#wrapUp.focus(),
      d: () => this.#focusDial(),
      p: () => this.#presence.focus(),
      q: () => this.#toggle("waiting"),
      r: () => this.#recent.toggle(),
      t: () => this.#toggle("team"),
    };
  }

  tick() {
    if (this.#offers.all.length !== this.#ringing) return this.#draw(); // the time of one is over
    for (const panel of [this.#presence, this.#offers, this.#card, this.#wrapUp, this.#lists]) panel.tick();
  }

  // A page that only shows the phone may go: the sound is in another tab.
  get #holdsPage() {
    return this.#wrapUp.isUnsaved || (this.#phone.isLeader && Boolean(this.#phone.line.call || this.#offers.all.length || this.#wrapUp.isOpen));
  }

  #draw() {
    const { state, line, isFresh } = this.#phone;
    this.#ringing = this.#offers.all.length;
    if (state && isFresh && state !== this.#clockOf) setClock((this.#clockOf = state).now, 0);
    part("phone").hidden = line.phase === "off";
    part("phone").dataset.phase = line.phase;
    part("phone").dataset.tab = this.#phone.isLeader ? "leader" : "follower";
    part("phone").toggleAttribute("data-stale", !isFresh);
    part("phone").toggleAttribute("data-busy", Boolean(state?.call));
    for (const panel of [this.#presence, this.#offers, this.#card, this.#targets, this.#wrapUp, this.#lists]) panel.draw();
    const canDial = line.phase === "ready" && Boolean(state) && !state.call && !state.helping && !line.isElsewhere;
    part("dial").hidden = Boolean(state?.call || state?.helping);
    part("place-call").disabled = !canDial;
    this.#recent.allow(canDial);
    if (!state?.call) this.#recent.refreshSoon();
    this.#signals.show(this.#offers.all, state?.call ?? null);
    if (this.#phone.isLeader) this.#headset.show({ ringing: this.#offers.all.length > 0, offHook: Boolean(line.call), muted: Boolean(line.call?.muted) });
    this.#follow(state?.call);
    this.#tellPage(state?.call);
    this.#onDraw();
  }

  #tellPage(call) {
    const facts = JSON.stringify([this.available, call?.call_sid, call?.caller.name]);
    if (facts !== this.#told) this.#onChange();
    this.#told = facts;
  }

  // Show the words of a call that has begun.
  #follow(call) {
    const id = call?.joined && call.call_sid ? call.call : null;
    if (id && id !== this.#talkingOn) this.#onTalking(call.call_sid);
    this.#talkingOn = id;
  }

  async #dial(number) {
    const { error } = await this.#phone.dial(number);
    if (error) this.#form.refuse(number, error);
  }

  // The headset's switch answers, and hangs up. Every tab hears it, and one obeys. Headsets also say that they are off hook after we have
  // shown them that there is a call.
  #hook(isOffHook) {
    const inCall = Boolean(this.#phone.line.call);
    if (!this.#phone.isLeader || isOffHook === inCall) return;
    if (inCall) this.#card.hangUp();
    else if (this.#offers.all.length) this.#offers.answer();
  }

  // Writes the number before a call, and speaks to the other side's menus during one.
  #key(digit) {
    if (!digit) return;
    if (this.#phone.line.call) this.#phone.press(digit);
    else this.#form.add(digit);
  }

  #toggleKeypad() {
    const pad = part("keypad");
    pad.hidden = !pad.hidden;
    for (const open of document.querySelectorAll(".keypad-open")) open.setAttribute("aria-expanded", String(!pad.hidden));
    if (!pad.hidden) pad.querySelector("button").focus();
  }

  #toggle(id) {
    const details = part(id);
    details.open = !details.open;
    if (details.open) details.querySelector("summary").focus();
  }

  #focusDial() {
    if (part("dial").hidden) return false;
    part("number").focus();
  }
}
