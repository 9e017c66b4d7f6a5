// The softphone that joins rooms: one call at a time, by the id of its room. registration.js keeps it connected to Twilio. No DOM.

import { Registration } from "./registration.js";

const PROBLEMS = {
  31401: "The browser is not allowed to use the microphone. Allow it next to the address bar, then try again.",
  31402: "No microphone was found. Plug one in, then try again.",
};
const NOT_READY = "The phone is not connected yet. Try again in a moment.";
const NOT_JOINED = "The phone could not join the call. Please try again.";
const CUT_OFF = "The connection was lost. The caller is still there: join again.";

const OPENING_MS = 8_000; // for the SDK to load: less than the server waits for a member who has answered

const LOST = { microphone: "lost-microphone", ear: "lost-ear" };

export class RoomSoftphone {
  warnings = new Set(); // names of the SDK's warnings about the line that hold now, and of LOST
  #registration;
  #devices;
  #onChange;
  #problem = "";
  #room = null; // the id of the call that is joined or being joined
  #call = null; // the SDK's
  #isOpen = false;
  #isReconnecting = false;
  #isMuted = false;
  #heard = new WeakSet(); // of the SDK's `audio`

  /** `options`: {sdk, csrfToken, devices (sound_devices.js), onChange()}; `timing` is registration.js's. */
  constructor({ sdk, csrfToken, devices, onChange }, timing = {}) {
    this.#devices = devices;
    this.#onChange = onChange;
    const isBusy = () => this.#room !== null;
    this.#registration = new Registration({ sdk, csrfToken, isBusy, onChange, onIncoming: (call) => call.ignore() }, timing);
  }

  /** Whether it could join: registration.js's phases. */
  get phase() {
    return this.#registration.phase;
  }

  get problem() {
    return this.#problem || this.#registration.problem;
  }

  /** {id, state: "joining" | "joined" | "reconnecting", muted}, or null. */
  get call() {
    if (this.#room === null) return null;
    const state = this.#isReconnecting ? "reconnecting" : this.#isOpen ? "joined" : "joining";
    return { id: this.#room, state, muted: this.#isMuted };
  }

  start() {
    return this.#registration.start();
  }

  /** Join the room of the call `id`, in a page that opens as soon as it can. Returns what went wrong, or "" once the SDK is connecting. */
  async join(id) {
    if (this.#room === id) return "";
    this.leave();
    this.#room = id;
    this.#problem = "";
    this.#onChange();
    const device = await this.#registration.deviceWithin(OPENING_MS);
    if (this.#room !== id) return "";
    if (!device) {
      this.#letGo();
      return NOT_READY;
    }
    try {
      await this.useDevices();
      device.audio?.outgoing?.(false); // a call that is answered is not dialled
      const call = await device.connect({ params: { room: id } });
      if (this.#room !== id) call.disconnect();
      else this.#hold(call);
      return "";
    } catch (error) {
      if (this.#room === id) this.#letGo();
      return PROBLEMS[error?.code] ?? NOT_JOINED;
    }
  }

  /** Leave the room. The call goes on without us, or the server has ended it. */
  leave() {
    const call = this.#call;
    this.#call = null; // what it says from now on is no news
    call?.disconnect(); // first: while it lasts, the SDK does not close the microphone
    if (this.#room !== null) this.#letGo();
  }

  /** Let the call use the devices that are chosen, and say which of them are gone. */
  async useDevices() {
    const audio = this.#registration.device?.audio;
    if (this.#room === null || !audio) return;
    const gone = await this.#devices.apply(audio);
    for (const [kind, name] of Object.entries(LOST)) if (this.warnings.has(name) !== gone.includes(kind)) this.#warn(name, gone.includes(kind));
    if (this.#heard.has(audio)) return;
    this.#heard.add(audio);
    audio.on?.("deviceChange", () => this.useDevices()); // one that comes back is used again
  }

  mute(muted) {
    this.#isMuted = muted;
    this.#call?.mute(muted);
    this.#onChange();
  }

  /** Send one key of the keypad as DTMF. */
  press(digit) {
    this.#call?.sendDigits(digit);
  }

  #hold(call) {
    this.#call = call;
    const on = (event, act) => call.on(event, (...facts) => call === this.#call && act(...facts));
    for (const event of ["disconnect", "cancel", "reject"]) on(event, () => this.#letGo());
    on("accept", () => this.#open());
    on("mute", (muted) => this.#become({ muted }));
    on("reconnecting", () => this.#become({ reconnecting: true }));
    on("reconnected", () => this.#become({ reconnecting: false }));
    on("warning", (name) => this.#warn(name, true));
    on("warning-cleared", (name) => this.#warn(name, false));
    on("error", (error) => this.#complain(error));
    on("transportClose", () => this.#checkLine(call));
    if (this.#isMuted) call.mute(true);
    if (call.status?.() === "open") this.#open();
  }

  #open() {
    this.#isOpen = true;
    this.#problem = "";
    this.#onChange();
  }

  #become({ muted = this.#isMuted, reconnecting = this.#isReconnecting }) {
    this.#isMuted = muted;
    this.#isReconnecting = reconnecting;
    this.#onChange();
  }

  #warn(name, holds) {
    if (holds) this.warnings.add(name);
    else this.warnings.delete(name);
    this.#onChange();
  }

  #complain(error) {
    this.#problem = PROBLEMS[error?.code] ?? "";
    this.#onChange();
  }

  // The SDK says "transportClose" before it changes the call's status: to "reconnecting" if the call can be resumed, else to
  // "closed", and then no other event follows.
  #checkLine(call) {
    queueMicrotask(() => {
      if (call !== this.#call || !["closed", "pending"].includes(call.status())) return;
      for (const stream of [call.getLocalStream?.(), call.getRemoteStream?.()]) {
        for (const track of stream?.getTracks() ?? []) track.stop(); // the SDK leaves the microphone open
      }
      const { device } = this.#registration;
      this.#letGo();
      // The Device would keep such a call as the active one, and not join again.
      if (device?.isBusy || device?.calls?.includes(call)) this.#registration.renewDevice();
      this.#problem = CUT_OFF;
      this.#onChange();
    });
  }

  #letGo() {
    this.#room = this.#call = null;
    this.#isOpen = this.#isReconnecting = this.#isMuted = false;
    this.warnings.clear();
    this.#devices.release(this.#registration.device?.audio);
    this.#registration.callIsOver();
    this.#onChange();
  }
}
