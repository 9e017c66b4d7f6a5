// The softphone: ringing calls and the current one. registration.js keeps it registered. No DOM.
//
// A call of this phone, for the page: {number, phase: "ringing" | "dialling" | "talking", muted, since, reconnecting}.

import { Registration } from "./registration.js";

const CUT_OFF = "The connection was lost, and the call has ended.";
const PROBLEMS = {
  31401: "The browser is not allowed to use the microphone. Allow it next to the address bar, then try again.",
  31402: "No microphone was found. Plug one in, then try again.",
  31404: "That number cannot be reached.",
  31480: "That number cannot be reached right now.",
  31486: "The number is busy.",
  31603: "The call was declined.",
};

export class Softphone {
  #onChange;
  #onTalking;
  #registration;
  #problem = ""; // with the latest call
  #call = null; // the call answered or dialled
  #ringing = []; // calls nobody has answered yet, oldest first
  #since = null;
  #reconnecting = false;

  /** `onTalking(call id)`: the id that transcripts of the call go by. `timing` is registration.js's. */
  constructor({ sdk, csrfToken, onChange, onTalking }, timing = {}) {
    this.#onChange = onChange;
    this.#onTalking = onTalking;
    const isBusy = () => Boolean(this.current);
    this.#registration = new Registration({ sdk, csrfToken, isBusy, onChange, onIncoming: (call) => this.#ring(call) }, timing);
  }

  /** Whether it can ring and dial: registration.js's. */
  get phase() {
    return this.#registration.phase;
  }

  /** What went wrong, in words: with the registration while there is none, else with the latest call. Empty if nothing did. */
  get problem() {
    return this.phase === "ready" ? this.#problem : this.#registration.problem;
  }

  start() {
    return this.#registration.start();
  }

  /** The current call, else the ringing one, else null. */
  get current() {
    if (this.#call) return describe(this.#call, this.#since === null ? "dialling" : "talking", this.#since, this.#reconnecting);
    return this.#ringing.length ? describe(this.#ringing[0], "ringing", null, false) : null;
  }

  answer() {
    const call = this.#call ? null : this.#ringing.shift();
    if (!call) return;
    this.#hold(call);
    call.accept();
    this.#onChange();
  }

  decline() {
    if (!this.#call) this.#ringing[0]?.reject();
  }

  hangUp() {
    this.#call?.disconnect();
  }

  toggleMute() {
    this.#call?.mute(!this.#call.isMuted());
  }

  /** Send one key of the keypad as DTMF. */
  press(digit) {
    this.#call?.sendDigits(digit);
  }

  /** Call `number` (E.164), which people read as `shown`: the server checks again whether it may be called. */
  async dial(number, shown = number) {
    if (this.#call || this.phase !== "ready") return;
    this.#problem = "";
    try {
      const call = await this.#registration.device.connect({ params: { To: number } });
      call.dialled = shown;
      this.#ringing = []; // the SDK ignores them from now on and emits no more events for them
      this.#hold(call);
    } catch (error) {
      this.#problem = PROBLEMS[error?.code] ?? "The call could not be placed.";
    }
    this.#onChange();
  }

  #ring(call) {
    this.#problem = "";
    this.#ringing.push(call);
    const gone = () => {
      if (!this.#ringing.includes(call)) return;
      this.#ringing = this.#ringing.filter((other) => other !== call);
      this.#free();
    };
    // "transportClose" is all that is heard of a call whose connection broke before anybody answered.
    for (const event of ["cancel", "reject", "disconnect", "transportClose"]) call.on(event, gone);
    call.on("error", () => call.status() !== "pending" && gone());
    this.#onChange();
  }

  #hold(call) {
    this.#call = call;
    this.#since = null;
    this.#reconnecting = false;
    for (const event of ["disconnect", "cancel", "reject"]) call.on(event, () => this.#letGo(call));
    call.on("transportClose", () => this.#checkLine(call));
    call.on("accept", () => this.#talk(call));
    call.on("mute", () => this.#onChange());
    call.on("reconnecting", () => this.#setReconnecting(call, true));
    call.on("reconnected", () => this.#setReconnecting(call, false));
    call.on("error", (error) => this.#complain(error));
  }

  #talk(call) {
    if (call !== this.#call) return;
    this.#since = Date.now();
    this.#problem = "";
    this.#onTalking(call.customParameters?.get("call") ?? call.parameters.CallSid);
    this.#onChange();
  }

  #setReconnecting(call, reconnecting) {
    if (call === this.#call) this.#reconnecting = reconnecting;
    this.#onChange();
  }

  #complain(error) {
    this.#problem = PROBLEMS[error?.code] ?? "There was a problem with the call.";
    this.#onChange();
  }

  // The SDK says "transportClose" before it changes the call's status: to "reconnecting" if the call can be resumed, else to
  // "closed", and then no other event follows.
  #checkLine(call) {
    if (isOver(call)) return this.#cutOff(call);
    queueMicrotask(() => isOver(call) && this.#cutOff(call));
  }

  #cutOff(call) {
    if (call !== this.#call) return;
    for (const stream of [call.getLocalStream?.(), call.getRemoteStream?.()]) {
      for (const track of stream?.getTracks() ?? []) track.stop(); // the SDK leaves the microphone open
    }
    const { device } = this.#registration;
    this.#letGo(call);
    // The Device would keep such a call as the active one, and neither ring nor dial again.
    if (device?.isBusy || device?.calls?.includes(call)) this.#registration.renewDevice();
    this.#problem = CUT_OFF;
    this.#onChange();
  }

  #letGo(call) {
    if (call !== this.#call) return;
    this.#call = this.#since = null;
    this.#free();
  }

  #free() {
    this.#registration.callIsOver();
    this.#onChange();
  }
}

function describe(call, phase, since, reconnecting) {
  const number = call.dialled ?? call.customParameters?.get("caller") ?? call.parameters.From ?? "";
  return { number, phase, since, reconnecting, muted: call.isMuted() };
}

function isOver(call) {
  return call.status() === "closed" || call.status() === "pending";
}
