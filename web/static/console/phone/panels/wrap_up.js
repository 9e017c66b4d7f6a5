// After a call: outcome, tags, follow-up and, where the organisation wants notes, a note. Everything is sent as it is entered, so that
// nothing is lost when the time is over.

import { now } from "../../clock.js";
import { make, part, put } from "../../../dom.js";
import { who } from "../phone_words.js";
import { duration } from "../../wording.js";

const SAVE_MS = 800; // after the last key
const KEPT = "Kept.";

export class WrapUp {
  #phone;
  #call = null; // id of the call that the form is about
  #timer = null;
  #isUnsaved = false;

  constructor({ phone }) {
    this.#phone = phone;
    part("wrap-up").addEventListener("input", () => this.#note());
    part("wrap-up").addEventListener("submit", (event) => this.#done(event));
  }

  get isOpen() {
    return this.#call !== null;
  }

  /** Whether something was entered that the server does not have yet. */
  get isUnsaved() {
    return this.#isUnsaved;
  }

  /** Move into the form. Returns whether it is there. */
  focus() {
    if (this.isOpen) part("wrap-up-outcome").focus();
    return this.isOpen;
  }

  draw() {
    const wrapUp = this.#phone.state?.wrap_up ?? null;
    part("wrap-up").hidden = !wrapUp;
    if (!wrapUp) return this.#forget();
    if (wrapUp.call !== this.#call) this.#begin(wrapUp);
    this.tick();
  }

  tick() {
    const wrapUp = this.#phone.state?.wrap_up;
    if (wrapUp) put(part("wrap-up-time"), duration(wrapUp.until - now()));
  }

  #begin({ call, caller, outcomes, tags, notes, contact }) {
    this.#call = call;
    this.#isUnsaved = false;
    part("wrap-up").reset();
    put(part("wrap-up-who"), who(caller));
    put(part("wrap-up-said"), "");
    const choices = [{ id: "", label: "None" }, ...outcomes].map(({ id, label }) => Object.assign(make("option", "", label), { value: id }));
    part("wrap-up-outcome").replaceChildren(...choices);
    part("wrap-up-outcome").closest(".field").hidden = outcomes.length === 0;
    part("wrap-up-tags").replaceChildren(...tags.map(tagBox));
    part("wrap-up-tags").hidden = tags.length === 0;
    part("wrap-up-note").closest(".field").hidden = !notes;
    part("wrap-up-contact").closest(".field").hidden = !contact;
  }

  #forget() {
    clearTimeout(this.#timer);
    if (this.#call !== null) part("wrap-up").reset(); // a note does not outlive its form
    this.#call = null;
    this.#isUnsaved = false;
  }

  #note() {
    this.#isUnsaved = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(false), SAVE_MS);
  }

  async #done(event) {
    event.preventDefault();
    await this.#save(true);
  }

  async #save(done) {
    clearTimeout(this.#timer);
    const call = this.#call;
    this.#isUnsaved = false;
    const { error } = await this.#phone.tell(call, "wrap-up", { ...this.#entered(), done });
    if (call !== this.#call) return;
    this.#isUnsaved ||= Boolean(error);
    put(part("wrap-up-said"), error || KEPT);
    part("wrap-up-said").toggleAttribute("data-problem", Boolean(error));
  }

  #entered() {
    const tags = [...part("wrap-up-tags").querySelectorAll("input:checked")].map(({ value }) => value);
    return {
      outcome: part("wrap-up-outcome").value || null,
      tags,
      follow_up: part("wrap-up-follow-up").checked,
      note: part("wrap-up-note").value,
      ...(part("wrap-up-contact").value.trim() && { contact: part("wrap-up-contact").value.trim() }),
    };
  }
}

function tagBox({ id, label }) {
  const box = make("label", "check");
  box.append(Object.assign(make("input"), { type: "checkbox", value: id }), " ", label);
  return box;
}
