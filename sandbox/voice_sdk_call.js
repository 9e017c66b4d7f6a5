// Part of the emulated @twilio/voice-sdk (see voice_sdk.js): Call.
/* global EventEmitter, InvalidArgumentError */

/** One call. Made by Device only. */
class Call extends EventEmitter {
  static State = Object.freeze({
    Closed: "closed", Connecting: "connecting", Open: "open", Pending: "pending",
    Reconnecting: "reconnecting", Ringing: "ringing",
  });

  static CallDirection = Object.freeze({ Incoming: "INCOMING", Outgoing: "OUTGOING" });

  static toString() {
    return "[Twilio.Call class]";
  }

  callerInfo = null;
  codec = "pcmu";
  outboundConnectionId = `TJSxx${crypto.randomUUID().replaceAll("-", "")}`;
  #device;
  #status = Call.State.Pending;
  #muted = false;

  constructor(device, direction, parameters, customParameters) {
    super();
    this.#device = device;
    this.direction = direction;
    this.parameters = parameters;
    this.customParameters = new Map(Object.entries(customParameters).map(([name, value]) => [name, String(value)]));
    this.on("error", () => {}); // the SDK listens too, so an application need not
  }

  status() {
    return this.#status;
  }

  accept() {
    if (this.#status !== Call.State.Pending) return;
    this.#status = Call.State.Connecting;
    if (this.direction === Call.CallDirection.Incoming) this.#signal("accept");
    else {
      const params = Object.fromEntries(this.customParameters);
      this.#device._signal({ type: "connect", id: this.outboundConnectionId, params });
    }
  }

  reject() {
    if (this.#status !== Call.State.Pending) return;
    this.#signal("reject");
    this.#status = Call.State.Closed;
    this.emit("reject");
  }

  ignore() {
    if (this.#status !== Call.State.Pending) return;
    this.#status = Call.State.Closed;
    this.#device._forget(this);
  }

  disconnect() {
    if (this.#status === Call.State.Pending || this.#status === Call.State.Closed) return;
    this.#signal("hangup");
    this._closed();
  }

  mute(shouldMute = true) {
    if (this.#muted === shouldMute) return;
    this.#muted = shouldMute;
    this.#signal("mute", { muted: shouldMute });
    this.emit("mute", shouldMute, this);
  }

  isMuted() {
    return this.#muted;
  }

  sendDigits(digits) {
    if (/[^0-9*#w]/.test(digits)) throw new InvalidArgumentError("Illegal character passed into sendDigits");
    this.#signal("digits", { digits });
  }

  getLocalStream() {}

  getRemoteStream() {}

  postFeedback() {
    return Promise.resolve();
  }

  toString() {
    return "[Twilio.Call instance]";
  }

  _ringing(sid) {
    this.parameters.CallSid = sid;
    if (this.#status !== Call.State.Connecting) return;
    this.#status = Call.State.Ringing;
    this.emit("ringing", false);
  }

  _open() {
    if (this.#status !== Call.State.Connecting && this.#status !== Call.State.Ringing) return;
    this.#status = Call.State.Open;
    if (this.#muted) this.#signal("mute", { muted: true });
    this.emit("accept", this);
  }

  _closed() {
    if (this.#status === Call.State.Closed) return;
    this.#status = Call.State.Closed;
    this.emit("disconnect", this);
  }

  _cancelled() {
    if (this.#status === Call.State.Closed) return;
    this.#status = Call.State.Closed;
    this.emit("cancel");
  }

  #signal(type, more = {}) {
    if (this.parameters.CallSid) this.#device._signal({ type, call: this.parameters.CallSid, ...more });
  }
}
