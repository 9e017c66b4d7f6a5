// An emulation of @twilio/voice-sdk 2.x for pages under test: `window.Twilio = { Device, Call, TwilioError }`.
//
// Shape, states, events and their order follow the real SDK; beneath them there is no WebRTC but a WebSocket to the
// emulator that served this file (`/signal`; sandbox/signalling.py has its texts). The microphone is never opened:
// the emulator plays the agent's part. Loaded by <script src>, from another origin, under any CSP that names it in
// script-src and connect-src. The emulator serves voice_sdk_events.js, voice_sdk_call.js and this as one script.
/* global Call, EventEmitter, InvalidArgumentError, InvalidStateError, TwilioError */

const SIGNAL_URL = new URL("/signal", document.currentScript.src.replace(/^http/, "ws")).href;
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

  edge = null;
  home = null;
  identity = null;
  audio = { disconnect: () => true, incoming: () => true, outgoing: () => true, availableInputDevices: new Map(),
    isOutputSelectionSupported: false, isVolumeSupported: false };
  #state = Device.State.Unregistered;
  #token;
  #options;
  #socket = null;
  #ready = null; // a promise of the greeted socket
  #wanted = false; // whether to register again after a lost connection
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
    this.#wanted = true;
    this.#become(Device.State.Registering);
    await this.#connected();
    const registered = this.#next(Device.State.Registered, Device.State.Unregistered);
    this._signal({ type: "register" });
    await registered;
  }

  async unregister() {
    if (this.#state !== Device.State.Registered) {
      throw new InvalidStateError(`Attempt to unregister when device is in state "${this.#state}". ` +
        `Must be "${Device.State.Registered}".`);
    }
    this.#wanted = false;
    const unregistered = this.#next(Device.State.Unregistered, Device.State.Unregistered);
    this._signal({ type: "unregister" });
    await unregistered;
  }

  async connect(options = {}) {
    if (this.#state === Device.State.Destroyed) throw new InvalidStateError("Device has been destroyed.");
    if (this.#active) throw new InvalidStateError("A Call is already active");
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
    this.#wanted = false;
    clearTimeout(this.#expiry);
    const socket = this.#socket;
    this.#socket = this.#ready = null;
    socket?.close();
    this.#become(Device.State.Unregistered);
    this.#become(Device.State.Destroyed);
    this.removeAllListeners();
  }

  updateOptions(options = {}) {
    this.#options = { ...this.#options, ...options };
  }

  updateToken(token) {
    if (this.#state === Device.State.Destroyed) {
      throw new InvalidStateError(`Attempt to "updateToken" when device is in state "${this.#state}".`);
    }
    if (typeof token !== "string") throw new InvalidArgumentError("Parameter \"token\" must be of type \"string\".");
    this.#token = token;
    this._signal({ type: "token", token });
  }

  toString() {
    return "[Twilio.Device instance]";
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
    this.#ready ??= new Promise((resolve, reject) => {
      const socket = new WebSocket(SIGNAL_URL);
      this.#socket = socket;
      socket.onopen = () => this._signal({ type: "hello", token: this.#token });
      socket.onmessage = (event) => this.#hear(JSON.parse(event.data), resolve);
      socket.onclose = () => {
        reject(new TwilioError(53000));
        if (this.#socket === socket) this.#lost();
      };
    });
    return this.#ready;
  }

  #lost() {
    this.#socket = this.#ready = null;
    this.#become(Device.State.Unregistered);
    this.#active?._closed();
    for (const call of [...this.#calls]) call._cancelled();
    if (!this.#wanted) return;
    const pause = RECONNECT_MS[Math.min(this.#losses++, RECONNECT_MS.length - 1)];
    setTimeout(() => {
      if (this.#wanted && this.#state === Device.State.Unregistered) this.register().catch(() => {});
    }, pause);
  }

  #hear(signal, greeted) {
    const call = this.#find(signal);
    switch (signal.type) {
      case "ready": this.#greet(signal); greeted(); break;
      case "registered": this.#become(Device.State.Registered); break;
      case "unregistered": this.#become(Device.State.Unregistered); break;
      case "incoming": this.#offer(signal); break;
      case "ringing": this.#ring(signal, call); break;
      case "accept": call?._open(); break;
      case "cancel": call?._cancelled(); break;
      case "disconnect": call?._closed(); break;
      case "error": this.#fail(signal, call); break;
      default: throw new Error(`unknown signal ${signal.type}`);
    }
  }

  #ring(signal, call) {
    if (call) call._ringing(signal.call);
    else this._signal({ type: "hangup", call: signal.call }); // given up before Twilio had a name for it
  }

  #greet({ identity, ttl, edge, region }) {
    this.#losses = 0;
    Object.assign(this, { identity, edge, home: region });
    clearTimeout(this.#expiry);
    const warning = ttl * 1000 - (this.#options.tokenRefreshMs ?? TOKEN_REFRESH_MS);
    // A timer of more than 24.8 days would fire at once; tokens live for a day at most.
    this.#expiry = setTimeout(() => this.emit("tokenWillExpire", this), Math.max(0, warning));
  }

  #fail({ code, text }, call) {
    if (code === 20101 || code === 20104) this.#wanted = false; // no use in trying again with the same token
    const error = new TwilioError(code, text);
    call?.emit("error", error);
    this.emit("error", error, call);
  }

  #offer({ parameters, custom }) {
    if (this.#active && !this.#options.allowIncomingWhileBusy) return; // it goes on ringing, unseen
    const call = new Call(this, Call.CallDirection.Incoming, parameters, custom);
    this.#calls.push(call);
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
  }

  #find({ id, call: sid }) {
    const known = [...this.#made.values(), ...this.#calls, ...(this.#active ? [this.#active] : [])];
    return known.find((call) => call.outboundConnectionId === (id ?? sid) || call.parameters.CallSid === sid);
  }
}

window.Twilio = { ...window.Twilio, Call, Device, TwilioError };
