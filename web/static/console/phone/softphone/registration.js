// Keeps a Device of Twilio's Voice SDK registered, so that the phone can ring and dial.
//
// Phases: "loading", "ready" (registered), "offline" (not registered at the moment), "failed" (it could not start), "off" (this
// member has no phone). A lost registration gets some time to recover by itself; then it gets a new token and, unless that would end a
// call, a new Device, repeatedly with growing delays.

import { abortAfter } from "../../../deadline.js";
import { loadDevice, sounds } from "./voice_sdk.js";

const TIMING = {
  tokenMs: 10_000, // for a token to be given
  graceMs: 10_000, // for the SDK to register by itself, at the start and after a lost connection
  retryMs: 1_000, // before the first new token; then doubling
  longestRetryMs: 60_000,
  oldMs: 15 * 60_000, // a token so old is renewed when a call ends: during one, it costs about a second of sound
  stableMs: 60_000, // registered for so long, the next loss begins with the shortest wait again
};
const LOOK_MS = 20; // between two looks whether there is a Device
const TOKEN_REFRESH_MS = 60_000; // before a token expires: time for several tries
const SIGNALLING_MS = 30_000; // for a live call to be found again after the connection for signals broke: Twilio's longest

// Errors of a token or a registration that Twilio rejects, or no longer accepts. The SDK does not recover from them.
// 53000 is any other refusal; without a call it is the registration's. (The SDK's sources: lib/twilio/errors, device.ts, pstream.ts.)
const REFUSED = new Set([20101, 20104, 20151, 31201, 31202, 31203, 31204, 31205, 31206, 31207]);
const REFUSED_UNLESS_OF_A_CALL = 53000;

const UNREACHED = "The phone cannot reach Twilio. It keeps trying; you can still read calls.";
const NOT_STARTED = "The phone could not start. It keeps trying; you can still read calls.";

export class Registration {
  phase = "loading";
  problem = "";
  device = null;
  #options;
  #timing;
  #attempt = 0; // counts renewals: what comes of an older one is ignored
  #repair = null; // {timer, at} of the next renewal
  #tries = 0; // renewals since the phone last worked
  #registeredAt = 0;
  #passAt = 0; // when the token in use was given

  /**
   * `options`: {sdk: {url, integrity}, csrfToken(), isBusy(), onChange(), onIncoming(call)}: `isBusy` says whether there is a call that
   * a new Device would cut off. `timing` may replace any of TIMING.
   */
  constructor(options, timing = {}) {
    this.#options = options;
    this.#timing = { ...TIMING, ...timing };
    addEventListener("online", () => (this.phase === "offline" || this.phase === "failed") && this.#renew());
  }

  /** Load the SDK and register. Never throws: what fails becomes `phase` and `problem`, and is tried again. */
  async start() {
    this.#tries = 0;
    if (this.phase !== "ready") this.#become("loading"); // one that is registered only gets a new token
    await this.#renew();
  }

  /** The Device as soon as there is one, for a page that opens; null if there is none after `ms`. It can call before it is registered. */
  async deviceWithin(ms) {
    for (let left = ms; !this.device && this.phase === "loading" && left > 0; left -= LOOK_MS)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    return this.device;
  }

  /** Replace the Device soon: it cannot be used any more. */
  renewDevice() {
    this.#discard();
    this.#lost(this.#nextWait());
  }

  /** The phone is free: a new Device would not end a call now. */
  callIsOver() {
    if (this.phase === "offline") this.#repairIn(this.#timing.retryMs);
    else if (this.phase === "ready" && Date.now() - this.#passAt >= this.#timing.oldMs) this.#renew();
  }

  async #renew() {
    this.#forgetRepair();
    const attempt = (this.#attempt += 1);
    try {
      const [Device, pass] = await Promise.all([loadDevice(this.#options.sdk), this.#pass()]);
      if (attempt !== this.#attempt) return;
      this.#passAt = Date.now();
      if (!pass) this.#turnOff();
      else if (this.phase === "ready") this.device.updateToken(pass.token);
      else await this.#register(Device, pass);
    } catch {
      if (attempt !== this.#attempt) return;
      if (this.phase === "loading") this.#become("failed", NOT_STARTED);
      this.#repairIn(this.#nextWait());
    }
  }

  // The SDK's promise may stay open for ever (no network, or a token refused): the timer decides.
  async #register(Device, pass) {
    this.#repairIn(Math.max(this.#timing.graceMs, this.#nextWait()));
    if (this.device && this.#options.isBusy()) {
      this.device.updateToken(pass.token);
      if (this.device.state !== "unregistered") return;
    } else {
      this.#discard();
      this.device = new Device(pass.token, {
        edge: pass.edge,
        closeProtection: true,
        enableImprovedSignalingErrorPrecision: true,
        logLevel: "silent",
        maxCallSignalingTimeoutMs: SIGNALLING_MS,
        sounds,
        tokenRefreshMs: TOKEN_REFRESH_MS,
      });
      this.#listen(this.device);
    }
    await this.device.register();
  }

  #listen(device) {
    const on = (event, act) => device.on(event, (...facts) => device === this.device && act(...facts));
    on("registered", () => this.#registered());
    on("unregistered", () => this.#lost(this.#timing.graceMs));
    on("destroyed", () => this.#lost(this.#timing.retryMs)); // by the SDK itself, when the page was put aside during a call
    on("tokenWillExpire", () => this.#renew());
    on("incoming", (call) => this.#options.onIncoming(call));
    on("error", (error, call) => this.#heed(error, call));
  }

  #registered() {
    this.#forgetRepair();
    this.#registeredAt = Date.now();
    this.#become("ready");
  }

  // No longer registered, or not according to Twilio.
  #lost(waitMs) {
    if (this.phase === "ready") {
      if (Date.now() - this.#registeredAt >= this.#timing.stableMs) this.#tries = 0;
      this.#become("offline");
    }
    if (this.phase !== "off") this.#repairIn(waitMs);
  }

  // Errors of a lost connection are left to the SDK, which connects again and says "unregistered" meanwhile.
  #heed(error, call) {
    const code = error?.code;
    if (REFUSED.has(code) || (code === REFUSED_UNLESS_OF_A_CALL && !call)) this.#lost(this.#nextWait());
  }

  #discard() {
    const device = this.device;
    this.device = null; // first, so that its later events are ignored
    device?.destroy();
  }

  #turnOff() {
    if (this.#options.isBusy()) return; // the call may go on; without a new token it is the last one
    this.#discard();
    this.#become("off");
  }

  #nextWait() {
    const longest = Math.min(this.#timing.longestRetryMs, this.#timing.retryMs * 2 ** this.#tries);
    this.#tries += 1;
    return longest * (0.5 + Math.random() / 2); // so that phones do not reconnect at the same time
  }

  // Of two scheduled renewals, the earlier one stays.
  #repairIn(ms) {
    const at = Date.now() + ms;
    if (this.#repair && this.#repair.at <= at) return;
    this.#forgetRepair();
    this.#repair = { at, timer: setTimeout(() => this.#repairNow(), ms) };
  }

  #repairNow() {
    if (this.phase === "loading") this.#become("failed", UNREACHED);
    this.#renew();
  }

  #forgetRepair() {
    clearTimeout(this.#repair?.timer);
    this.#repair = null;
  }

  // Null means that this member has no phone.
  async #pass() {
    const answer = await fetch("/voice/token", {
      method: "POST",
      headers: { "X-CSRF-Token": this.#options.csrfToken() },
      cache: "no-store",
      signal: abortAfter(this.#timing.tokenMs),
    });
    if (answer.status === 403) return null;
    if (!answer.ok) throw new Error(`token: ${answer.status}`);
    return answer.json();
  }

  #become(phase, problem = "") {
    this.phase = phase;
    this.problem = problem;
    this.#options.onChange();
  }
}
