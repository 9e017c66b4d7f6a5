// The phone's controls: taking calls or not, the ring banner, dial pad, mute, hang up. What it does is softphone.js's.

import { now } from "../clock.js";
import { DialForm } from "./dial_form.js";
import { Recent } from "./recent.js";
import { part, put } from "../../dom.js";
import { Softphone } from "./softphone/softphone.js";
import { titleSays } from "../title.js";
import { duration } from "../wording.js";

const STATUS = { loading: "The phone is starting", offline: "The phone is reconnecting", ready: "", failed: "", off: "" };
const UNKNOWN_MS = 5_000; // without transcription the page never learns when the call began: then use the start of the conversation
const CALL_PHASES = { dialling: "calling", ringing: "", talking: "" };

export class PhonePanel {
  #phone;
  #form;
  #recent;
  #csrfToken;
  #onAvailable;
  #beganAt;
  #talkingOn = null; // the id of the call that is talked on, as transcripts go by it

  /**
   * `csrfToken()` is asked each time; `beganAt(call id)`, ms since 1970 by the server's clock, or null while unknown;
   * `onTalking(call id)` when a conversation begins; `onAvailable()` when taking calls was switched on or off.
   */
  constructor({ sdk, csrfToken, beganAt, onTalking, onAvailable }) {
    this.#csrfToken = csrfToken;
    this.#beganAt = beganAt;
    this.#onAvailable = onAvailable;
    const talk = (id) => {
      this.#talkingOn = id;
      onTalking(id);
    };
    this.#phone = new Softphone({ sdk, csrfToken, onTalking: talk, onChange: () => this.#draw() });
    const onDial = (number, shown) => this.#phone.dial(number, shown);
    this.#form = new DialForm({ csrfToken, onDial });
    this.#recent = new Recent({ csrfToken, onDial });
    this.#wire();
    this.#showAvailable(document.body.dataset.available === "yes");
    this.#phone.start();
  }

  get available() {
    return part("availability").getAttribute("aria-checked") === "true";
  }

  /** Whether somebody is on the line, or rings. */
  get busy() {
    return Boolean(this.#phone.current);
  }

  /** Shortcuts for keys.js; each returns false when there is nothing to do. */
  get shortcuts() {
    return {
      "Alt+a": () => this.#during("ringing") && this.#phone.answer(),
      "Alt+h": () => this.#during("talking", "dialling") && this.#phone.hangUp(),
      "Alt+m": () => this.#during("talking") && this.#phone.toggleMute(),
      r: () => this.#recent.toggle(),
    };
  }

  /** Show the duration of the current call, by the same clock and from the same start as elsewhere on the page. */
  tick() {
    const call = this.#phone.current;
    if (!call?.since) return;
    const began = this.#beganAt(this.#talkingOn);
    put(part("in-call-time"), call.reconnecting ? "line is reconnecting" : elapsed(began, call.since));
  }

  #during(...phases) {
    return phases.includes(this.#phone.current?.phase);
  }

  #wire() {
    const press = (id, action) => part(id).addEventListener("click", action);
    press("answer", () => this.#phone.answer());
    press("decline", () => this.#phone.decline());
    press("hang-up", () => this.#phone.hangUp());
    press("mute", () => this.#phone.toggleMute());
    press("phone-retry", () => this.#phone.start());
    press("availability", () => this.#switchAvailable());
    part("availability").disabled = false; // a click before this line would be lost
    press("keypad", (event) => this.#key(event.target.closest("button")?.value));
    for (const open of document.querySelectorAll(".keypad-open")) open.addEventListener("click", () => this.#toggleKeypad());
  }

  #draw() {
    const call = this.#phone.current;
    const rings = call?.phase === "ringing";
    part("phone").hidden = this.#phone.phase === "off";
    part("phone").dataset.phase = this.#phone.phase;
    this.#drawRing(rings ? call : null);
    this.#drawCall(rings ? null : call);
    put(part("phone-status"), this.#phone.problem || STATUS[this.#phone.phase]);
    part("phone-retry").hidden = this.#phone.phase !== "failed";
    const canDial = this.#phone.phase === "ready" && !call;
    part("place-call").disabled = !canDial;
    this.#recent.allow(canDial);
    if (!call) this.#recent.refreshSoon();
  }

  #drawRing(call) {
    // It takes no focus, so that a space or an Enter meant for something else does not answer the call.
    part("ring").hidden = !call;
    put(part("ring-number"), call?.number ? `from ${call.number}` : "");
    titleSays("ring", call ? "Incoming call" : "");
  }

  #drawCall(call) {
    part("in-call").hidden = !call;
    part("dial").hidden = Boolean(call);
    part("phone").toggleAttribute("data-busy", Boolean(call));
    if (!call) return;
    put(part("in-call-number"), call.number);
    if (!call.since) put(part("in-call-time"), CALL_PHASES[call.phase]);
    part("mute").setAttribute("aria-pressed", String(call.muted));
    put(part("mute").firstElementChild, call.muted ? "Unmute" : "Mute");
    this.tick();
  }

  // Writes the number before a call, and speaks to the other side's menus during one.
  #key(digit) {
    if (!digit) return;
    if (this.#during("talking")) this.#phone.press(digit);
    else this.#form.add(digit);
  }

  #toggleKeypad() {
    const pad = part("keypad");
    pad.hidden = !pad.hidden;
    for (const open of document.querySelectorAll(".keypad-open")) open.setAttribute("aria-expanded", String(!pad.hidden));
  }

  async #switchAvailable() {
    const wanted = !this.available;
    this.#showAvailable(wanted);
    if (await this.#sent(wanted)) return;
    this.#showAvailable(!wanted);
    put(part("phone-status"), "That could not be changed. Please try again.");
  }

  async #sent(available) {
    try {
      const answer = await fetch("/console/availability", {
        method: "POST",
        headers: { "X-CSRF-Token": this.#csrfToken(), "Content-Type": "application/json" },
        body: JSON.stringify({ available }),
      });
      return answer.ok;
    } catch {
      return false;
    }
  }

  #showAvailable(available) {
    part("availability").setAttribute("aria-checked", String(available));
    this.#onAvailable();
  }
}

// Until the page knows when the call began, nothing is better than a second clock.
function elapsed(began, talkingSince) {
  if (began !== null) return duration(now() - began);
  const talkedMs = Date.now() - talkingSince;
  return talkedMs < UNKNOWN_MS ? "" : duration(talkedMs);
}
