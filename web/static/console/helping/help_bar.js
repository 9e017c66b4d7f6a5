// What a supervisor can do in the call being read, and how they are in it; the same stands beside the phone, whatever is read.

import { part, put } from "../../dom.js";
import { who } from "../phone/phone_words.js";
import { othersWords, ownWords } from "./helping_words.js";

const MODES = { listen: "listen", whisper: "whisper", barge: "barge", "take-over": "take_over" }; // the server's words for the buttons
const OVER = new Set(["ended"]);

export class HelpBar {
  #helping;
  #me;
  #nameOf;
  #onRead;
  #call = null; // that is read
  #running = null; // name of the command under way
  #next = null; // what was asked for after it, last: {name, action}
  #asked = null; // id of the call that is to end, while the dialog is open

  /** `helping` is helping.js's; `me` is the member's id; `nameOf(call)` titles a call; `onRead(id)` shows the words of a call. */
  constructor({ helping, me, nameOf, onRead }) {
    this.#helping = helping;
    this.#me = me;
    this.#nameOf = nameOf;
    this.#onRead = onRead;
    const press = (id, action) => part(id).addEventListener("click", action);
    const does = { listen: this.listen, whisper: this.whisper, barge: this.barge, "take-over": this.takeOver };
    for (const button of this.#buttons) button.addEventListener("click", () => does[button.dataset.help]());
    press("help-leave", () => this.leave());
    press("help-read", () => this.#onRead(this.#helping.now.call_sid));
    press("help-end", () => this.end());
    press("end-call-keep", () => part("end-call-dialog").close());
    part("end-call-form").addEventListener("submit", (event) => this.#confirmEnd(event));
  }

  // What can be done to the call that is pointed at, else to the one being read, else to the one that the member helps in. Each returns false
  // when there is nothing to do.

  listen = (at = null) => this.#do("listen", (call) => this.#helping.listen(call), at);
  whisper = (at = null) => this.#do("whisper", (call) => this.#helping.whisper(call), at);
  barge = (at = null) => this.#do("barge", (call) => this.#helping.barge(call), at);
  takeOver = (at = null) => this.#do("take-over", (call) => this.#helping.takeOver(call), at);
  leave = () => (this.#running !== null || this.#helping.now !== null) && this.#run("leave", () => this.#helping.leave());
  end = () => this.#canHelp && this.#ask();

  /** Whether the member can come into `call`. */
  canHelpIn(call) {
    return Boolean(call) && !OVER.has(call.state) && call.agent !== null && call.agent !== this.#me;
  }

  /** The page shows `call`, or none (null). */
  show(call) {
    if (call?.id !== this.#call?.id) put(part("help-said"), "");
    this.#call = call;
    this.draw();
  }

  /** Draw what the server says of supervisors. */
  draw() {
    const now = this.#helping.now;
    const isHere = now !== null && now.call_sid === this.#call?.id;
    part("helping").hidden = !this.#canHelp;
    part("helping").dataset.mode = isHere ? now.mode : "";
    part("helping").toggleAttribute("data-pending", isHere && (now.pending || !now.joined));
    for (const button of this.#buttons) {
      const concerns = isHere || button.closest("#helping-now") !== null;
      button.setAttribute("aria-pressed", String(concerns && now?.mode === MODES[button.dataset.help]));
      button.disabled = !this.#helping.isPossible;
    }
    put(part("help-others"), this.#call ? othersWords(this.#helping.othersIn(this.#call.id, this.#me)) : "");
    this.#drawNow(now, isHere);
    if (this.#asked !== null && this.#call?.id === this.#asked && OVER.has(this.#call.state)) part("end-call-dialog").close();
  }

  get #buttons() {
    return document.querySelectorAll("#helping [data-help], #helping-now [data-help]");
  }

  get #canHelp() {
    return this.canHelpIn(this.#call);
  }

  #drawNow(now, isHere) {
    part("helping-now").hidden = now === null;
    if (now === null) return put(part("help-state"), "");
    part("helping-now").dataset.mode = now.mode;
    part("helping-now").dataset.call = now.call_sid;
    part("helping-now").toggleAttribute("data-joined", now.joined);
    part("helping-now").toggleAttribute("data-settled", now.joined && !now.pending);
    part("helping-now").toggleAttribute("data-was-muted", now.was_muted);
    put(part("helping-who"), `${now.agent} with ${who(now.caller)}`);
    put(part("help-state"), ownWords(now));
    part("help-read").hidden = isHere;
  }

  #do(name, action, at) {
    const target = [at, this.#call].find((each) => this.canHelpIn(each));
    const call = target?.id ?? this.#helping.now?.call_sid;
    return Boolean(call) && this.#helping.isPossible && this.#run(name, () => action(call));
  }

  // One command at a time, and of those asked for meanwhile the last: whoever wants to be silent or gone must not be ignored.
  #run(name, action) {
    this.#next = name === this.#running ? null : { name, action };
    if (this.#running === null) this.#runNext();
    return true;
  }

  async #runNext() {
    while (this.#next) {
      const { name, action } = this.#next;
      this.#running = name;
      this.#next = null;
      const { error } = await action();
      for (const said of ["help-said", "help-now-said", "wall-said"]) put(part(said), error);
    }
    this.#running = null;
    this.draw();
  }

  #ask() {
    this.#asked = this.#call.id;
    put(part("end-call-name"), this.#nameOf(this.#call));
    put(part("end-call-problem"), "");
    part("end-call-dialog").showModal();
    return true;
  }

  async #confirmEnd(event) {
    event.preventDefault();
    part("end-call-confirm").disabled = true;
    const { error, code } = await this.#helping.end(this.#asked);
    part("end-call-confirm").disabled = false;
    if (error && code !== "over") return put(part("end-call-problem"), error);
    part("end-call-dialog").close();
  }
}
