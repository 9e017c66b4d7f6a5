// The calls that ring here: several at once, the longest waiting first. They take no focus, so that a space or an Enter meant for something
// else does not answer one.

import { now } from "../../clock.js";
import { make, makeButton, part, put } from "../../../dom.js";
import { besideName, history, offerWords, who, wishes, wishesOf } from "../phone_words.js";
import { callerNotes } from "./caller_notes.js";
import { duration } from "../../wording.js";

export class Offers {
  #phone;
  #rows = new Map(); // call id → {item, time}
  #busy = new Set(); // ids of calls that are being answered or declined

  constructor({ phone }) {
    this.#phone = phone;
  }

  /** Those that still ring, oldest first. */
  get all() {
    const { state, line } = this.#phone;
    const offers = (state?.offers ?? []).filter(({ call, until }) => until > now() && line.call?.id !== call);
    return offers.sort((a, b) => a.since - b.since);
  }

  draw() {
    const offers = this.all;
    part("offers").hidden = offers.length === 0;
    const ids = new Set(offers.map(({ call }) => call));
    for (const id of [...this.#rows.keys()].filter((id) => !ids.has(id))) this.#drop(id);
    const fresh = offers.filter(({ call }) => !this.#rows.has(call));
    for (const offer of fresh) this.#add(offer);
    if (fresh.length) put(part("rung"), fresh.map(announced).join(". "));
    for (const { call } of offers) this.#rows.get(call).item.toggleAttribute("data-busy", this.#busy.has(call));
    [...this.#rows.values()].forEach(({ chords }, index) => chords.forEach((chord) => (chord.hidden = index > 0)));
    if (!offers.length) this.#clear();
    this.tick();
  }

  tick() {
    for (const { call, since } of this.all) put(this.#rows.get(call).time, duration(now() - since));
  }

  answer(call = this.all[0]?.call) {
    return this.#act(call, () => this.#phone.join(call, "claim"));
  }

  /** Join again the call that was lost by a reload or a broken line. Returns whether there is one. */
  rejoin() {
    const lost = this.all.find(({ returning }) => returning);
    if (lost) this.answer(lost.call);
    return Boolean(lost);
  }

  decline(call = this.all[0]?.call) {
    return this.#act(call, () => this.#phone.tell(call, "decline"));
  }

  // A second click on the same call does nothing.
  async #act(call, action) {
    if (!call || this.#busy.has(call)) return;
    this.#busy.add(call);
    this.draw();
    const { error } = await action();
    this.#busy.delete(call);
    put(part("offers-said"), error);
    this.draw();
  }

  #add(offer) {
    const item = make("li", "offer");
    item.dataset.offer = offer.call;
    item.dataset.kind = offer.kind;
    item.toggleAttribute("data-returning", Boolean(offer.returning));
    const time = make("span", "elapsed");
    const title = make("p", "offer-kind");
    title.append(make("span", "", offerWords(offer)), " ", time);
    const about = [besideName(offer.caller), offer.line, history(offer.caller)].filter(Boolean).join(" · ");
    const wished = make("p", "wishes", wishes(offer.caller));
    wished.dataset.wishes = wishesOf(offer.caller).join(" ");
    const choices = make("div", "offer-choices");
    const decline = makeButton("Decline", () => this.decline(offer.call));
    const answer = makeButton(offer.returning ? "Rejoin" : "Answer", () => this.answer(offer.call));
    decline.className = "button decline";
    answer.className = "button go answer";
    const chords = [[decline, "N"], [answer, "A"]].map(([button, letter]) => withChord(button, letter, who(offer.caller)));
    choices.append(decline, answer);
    item.append(title, make("p", "offer-who", who(offer.caller)), make("p", "offer-about", about), wished, callerNotes(offer.noted), choices);
    part("offer-list").append(item);
    this.#rows.set(offer.call, { item, time, chords });
  }

  #drop(id) {
    const { item } = this.#rows.get(id);
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    this.#rows.delete(id);
    if (hadFocus) (part("offer-list").querySelector("button") ?? part("main")).focus();
  }

  #clear() {
    put(part("rung"), "");
  }
}

function withChord(button, letter, name) {
  button.append(make("span", "visually-hidden", ` ${name}`));
  const chord = make("span", "chord");
  chord.append(make("kbd", "", "Alt"), " ", make("kbd", "", letter));
  button.append(" ", chord);
  button.setAttribute("aria-keyshortcuts", `Alt+${letter}`);
  return chord;
}

function announced(offer) {
  return `${offerWords(offer)} ${who(offer.caller)}${offer.line ? `, ${offer.line}` : ""}${wishes(offer.caller) ? `. ${wishes(offer.caller)}` : ""}`;
}
