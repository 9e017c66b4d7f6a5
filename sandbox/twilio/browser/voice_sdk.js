// An emulation of @twilio/voice-sdk 2.x for pages under test: `window.Twilio = { Device, Call, TwilioError }`.
//
// Shape, states, events and their order follow the real SDK's sources (lib/twilio/device.ts, call.ts, pstream.ts), with what is
// awkward in them: a refused token leaves the Device as it is, and a call that was not answered when the connection broke is
// "closed" without an event, and remains the Device's active one. tests/sandbox/twilio/browser/test_voice_sdk_parity.py compares the two.
// Beneath there is no WebRTC but a WebSocket to the emulator that served this file (`/signal`; sandbox/twilio/browser/signalling.py has its
// texts), which carries the sound as well. Unlike with the real one, a call without a microphone goes on, silent, after an error that says
// so. Loaded by <script src>, from another origin, under any CSP that names it in script-src and connect-src. The emulator serves
// sound_line.js, voice_sdk_events.js, voice_sdk_call.js, voice_sdk_audio.js, voice_sdk_preflight.js and this as one script.
/* global AudioHelper, Call, EventEmitter, InvalidArgumentError, PreflightTest, SoundLine, InvalidStateError, TOKEN_ERRORS, TwilioError, errorOf */

const SIGNAL_URL = new URL("/signal", document.currentScript.src.replace(/^http/, "ws")).href;
const WORKLET_URL = new URL("/voice-sdk-worklet.js", document.currentScript.src).href;
const VERSION = "2.18.5";
const TOKEN_REFRESH_MS = 10000;
const RECONNECT_MS = [250, 500, 1000, 2000, 4000, 8000];

/** A softphone: registers its identity, makes and receives calls. */
class Device extends EventEmitter {
  static State = Object.freeze({
    Destroyed: "destroyed", Registered: "registered", Registering: "registering", Unregistered: "unregistered",
  });

  static EventName = Object.freeze({
    Destroyed: "destroyed", Error: "error", Incoming: "incoming", Registered: "registered",
    Registering: "registering", TokenWillExpire: "tokenWillExpire", Unregistered: "unregistered",
  });

  static isSupported = true;
  static packageName = "@twilio/voice-sdk";
  static version = VERSION;

  static toString() {
    return "[Twilio.Device class]";
  }

  /** Test the line by a call to the TwiML App. */
  static runPreflight(token, options) {
    return new PreflightTest(token, options);
  }

  edge = null;
  home = null;
  identity = null;
  audio;
  _quality = { mos: 4.4, jitter: 1, rtt: 20 }; // of every call's line
  #input = null; // the microphone chosen with `audio`
  #sinks = { ringtone: [], speaker: [] };
  #state = Device.State.Unregistered;
  #token;
  #options;
  #socket = null;
  #ready = null; // a promise of the greeted socket
  #shallReturn = false; // whether to register again once the connection is back
  #isOnline = false; // greeted, and not lost since
  #losses = 0;
  #expiry = 0;
  #active = null;
  #calls = [];
  #made = new Map(); // outgoing calls by temporary id, until Twilio names them

  constructor(token, options = {}) {
    super();
    if (typeof token !== "string") throw new InvalidArgumentError("Parameter \"token\" must be of type \"string\".");
    this.#token = token;
    this.#options = options;
    this.audio = new AudioHelper(this);
    addEventListener("pagehide", this.#hidePage);
  }

  get state() {
    return this.#state;
  }

  get token() {
    return this.#token;
  }

  get calls() {
    return this.#calls;
  }

  get isBusy() {
    return this.#active !== null;
  }

  async register() {
    if (this.#state !== Device.State.Unregistered) {
      throw new InvalidStateError(`Attempt to register when device is in state "${this.#state}". ` +
        `Must be "${Device.State.Unregistered}".`);
    }
    this.#shallReturn = false;
    this.#become(Device.State.Registering);
    await this.#connected();
    this._signal({ type: "register" });
    await this.#next(Device.State.Registered, Device.State.Unregistered);
  }

  async unregister() {
    if (this.#state !== Device.State.Registered) {
      throw new InvalidStateError(`Attempt to unregister when device is in state "${this.#state}". ` +
        `Must be "${Device.State.Registered}".`);
    }
    const unregistered = this.#next(Device.State.Unregistered, Device.State.Unregistered);
    this._signal({ type: "unregister" });
    await unregistered;
  }

  async connect(options = {}) {
    if (this.#state === Device.State.Destroyed) throw new InvalidStateError("Device has been destroyed.");
    if (this.#active) throw new InvalidStateError("A Call is already active");
    await this.audio._pending;
    await this.#connected();
    const call = new Call(this, Call.CallDirection.Outgoing, {}, options.params ?? {});
    this.#activate(call);
    this.#made.set(call.outboundConnectionId, call);
    for (const incoming of this.#calls.splice(0)) incoming.ignore();
    call.accept();
    return call;
  }

  disconnectAll() {
    for (const call of [...this.#calls]) call.disconnect();
    this.#active?.disconnect();
  }

  destroy() {
    for (const call of [...this.#calls]) call.reject();
    this.disconnectAll();
    clearTimeout(this.#expiry);
    removeEventListener("pagehide", this.#hidePage);
    const socket = this.#socket;
    this.#socket = this.#ready = null;
    socket?.close();
    this.#goOffline();
    this.audio._destroy();
    this.#become(Device.State.Destroyed);
    this.removeAllListeners();
  }

  updateOptions(options = {}) {
    if (this.#state === Device.State.Destroyed) {
      throw new InvalidStateError(`Attempt to "updateOptions" when device is in state "${this.#state}".`);
    }
    if (this.isBusy && "edge" in options && String(options.edge) !== String(this.#options.edge)) {
      throw new InvalidStateError("Cannot change Edge while on an active Call");
    }
    this.#options = { ...this.#options, ...options };
  }

  updateToken(token) {
    if (this.#state === Device.State.Destroyed) {
      throw new InvalidStateError(`Attempt to "updateToken" when device is in state "${this.#state}".`);
    }
    if (typeof token !== "string") throw new InvalidArgumentError("Parameter \"token\" must be of type \"string\".");
    this.#token = token;
    if (this.#socket?.readyState === WebSocket.OPEN) this._signal({ type: "token", token });
    else if (this.#socket || this.#ready) this.emit("error", new TwilioError(31009));
  }

  toString() {
    return "[Twilio.Device instance]";
  }

  /** Return a new line for a call: what its microphone hears goes to the emulator. */
  _line() {
    return new SoundLine(WORKLET_URL, (frame) => this.#socket?.readyState === WebSocket.OPEN && this.#socket.send(frame));
  }

  /** The microphone that calls use; null: the browser's usual one. */
  get _inputStream() {
    return this.#input ?? this.#options.fileInputStream ?? null;
  }

  async _useInput(stream) {
    if (this.#active && !stream) throw new InvalidStateError("Cannot unset input device while a call is in progress.");
    this.#input = stream;
    if (stream) this.#active?._replaceInput(stream);
  }

  async _useSpeakers(ids) {
    this.#sinks.speaker = ids;
    await this.#active?._setSinks(ids);
  }

  async _useRingers(ids) {
    this.#sinks.ringtone = ids;
  }

  /** Start one of the application's sounds (the option `sounds`), unless it is switched off; returns how to stop it. */
  _sound(name, loop = false) {
    const url = this.#options.sounds?.[name];
    if (!url || this.audio[name]?.() === false) return () => {};
    const sound = Object.assign(new Audio(url), { loop });
    const [sink] = this.#sinks[name === "incoming" ? "ringtone" : "speaker"];
    if (sink && sink !== "default") sound.setSinkId(sink).catch(() => {});
    sound.play().catch(() => {}); // before the page was touched, browsers let none play
    return () => sound.pause();
  }

  /** Send a signal, if there is anybody to hear it. */
  _signal(signal) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(signal));
  }

  _forget(call) {
    this.#calls = this.#calls.filter((known) => known !== call);
    this.#made.delete(call.outboundConnectionId);
    if (this.#active === call) this.#active = null;
  }

  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.emit(state);
  }

  #next(hoped, feared) {
    return new Promise((resolve, reject) => {
      const settle = (how) => () => {
        this.off(hoped, won);
        this.off(feared, lost);
        how();
      };
      const won = settle(resolve);
      const lost = settle(hoped === feared ? resolve : reject);
      this.on(hoped, won);
      this.on(feared, lost);
    });
  }

  #connected() {
    this.#ready ??= new Promise((resolve) => this.#connect(resolve));
    return this.#ready;
  }

  // Again and again, until the Device is destroyed. `greeted` is called each time that the emulator took the token.
  #connect(greeted) {
    const socket = new WebSocket(SIGNAL_URL);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const mine = () => this.#socket === socket;
    socket.onopen = () => mine() && this._signal({ type: "hello", token: this.#token });
    socket.onmessage = ({ data }) => {
      if (!mine()) return;
      if (typeof data === "string") this.#hear(JSON.parse(data), greeted);
      else this.#active?._play(data);
    };
    socket.onerror = () => mine() && this.emit("error", new TwilioError(31000));
    socket.onclose = ({ code }) => {
      if (!mine()) return;
      if (code === 1006 || code === 1015) this.emit("error", new TwilioError(31005));
      if (mine()) this.#lost(greeted);
    };
  }

  #lost(greeted) {
    const pause = RECONNECT_MS[Math.min(this.#losses++, RECONNECT_MS.length - 1)];
    const lost = this.#socket;
    for (const call of this.#all()) call._transportClosed();
    if (this.#isOnline) this.#goOffline();
    setTimeout(() => this.#socket === lost && this.#connect(greeted), pause);
  }

  #goOffline() {
    this.#isOnline = false;
    this.edge = null;
    this.#shallReturn = this.#state !== Device.State.Unregistered;
    this.#become(Device.State.Unregistered);
  }

  #all() {
    return new Set([...this.#made.values(), ...this.#calls, ...(this.#active ? [this.#active] : [])]);
  }

  // A page that is only put aside, without a call, keeps its Device (device.ts, _onPageHide).
  #hidePage = (event) => {
    if (!event.persisted || this.#all().size) this.destroy();
  };

  #hear(signal, greeted) {
    const call = this.#find(signal);
    switch (signal.type) {
      case "ready": this.#greet(signal); greeted(); break;
      case "registered": this.#become(Device.State.Registered); break;
      case "unregistered": this.#goOffline(); break;
      case "incoming": this.#offer(signal); break;
      case "ringing": this.#ring(signal, call); break;
      case "accept": call?._open(signal.resumption); break;
      case "cancel": call?._cancelled(); break;
      case "disconnect": call?._hungUp(signal.code, signal.text, this.#isPrecise); break;
      case "warning": call?._warn(signal.name, signal.cleared); break;
      case "quality": this._quality = signal.quality; break;
      case "error": this.#fail(signal, call); break;
      default: throw new Error(`unknown signal ${signal.type}`);
    }
  }

  get #isPrecise() {
    return Boolean(this.#options.enableImprovedSignalingErrorPrecision);
  }

  #ring(signal, call) {
    if (call) call._ringing(signal.call);
    else this._signal({ type: "hangup", call: signal.call }); // given up before Twilio had a name for it
  }

  #greet({ identity, ttl, edge, region }) {
    const isBack = !this.#isOnline && this.#losses > 0;
    this.#losses = 0;
    this.#isOnline = true;
    Object.assign(this, { identity, edge, home: region });
    clearTimeout(this.#expiry);
    const warning = ttl * 1000 - (this.#options.tokenRefreshMs ?? TOKEN_REFRESH_MS);
    // A timer of more than 24.8 days would fire at once; tokens live for a day at most.
    this.#expiry = setTimeout(() => this.emit("tokenWillExpire", this), Math.max(0, warning));
    if (isBack) for (const call of this.#all()) call._connected();
    if (this.#shallReturn) this.register().catch(() => {}); // "Failed to re-register" is only logged
  }

  // The gateway refuses something. That changes no state, and no call's (device.ts and call.ts, _onSignalingError).
  #fail({ code, text }, call) {
    const error = TOKEN_ERRORS[code] ? new TwilioError(TOKEN_ERRORS[code], text) : errorOf(code, text, this.#isPrecise, 53000);
    this.emit("error", error, call);
  }

  #offer({ parameters, custom, resumption }) {
    if (this.#active && !this.#options.allowIncomingWhileBusy) return; // it goes on ringing, unseen
    const call = new Call(this, Call.CallDirection.Incoming, parameters, custom, resumption);
    this.#calls.push(call);
    call._ring();
    call.once("accept", () => {
      if (this.#active && this.#active !== call) this.#active.disconnect();
      this.#calls = this.#calls.filter((known) => known !== call);
      this.#active = call;
    });
    this.#forgetWhenOver(call);
    this.emit("incoming", call);
  }

  #activate(call) {
    this.#active = call;
    this.#forgetWhenOver(call);
  }

  #forgetWhenOver(call) {
    for (const event of ["cancel", "disconnect", "reject"]) call.once(event, () => this._forget(call));
    call.on("error", () => call.status() === Call.State.Closed && this._forget(call));
    call.on("transportClose", () => call.status() === Call.State.Pending && this._forget(call));
  }

  #find({ id, call: sid }) {
    return [...this.#all()].find((call) => call.outboundConnectionId === (id ?? sid) || call.parameters.CallSid === sid);
  }
}

window.Twilio = { ...window.Twilio, Call, Device, PreflightTest, TwilioError };
