// Part of the emulated @twilio/voice-sdk (see voice_sdk.js): Call.
/* global EventEmitter, InvalidArgumentError, TwilioError, errorOf */

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
  #resumption; // what an answered call is found again by, after the connection broke
  #isAnswered = false;

  constructor(device, direction, parameters, customParameters, resumption = "") {
    super();
    this.#device = device;
    this.#resumption = resumption;
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
    this.#isAnswered = this.direction === Call.CallDirection.Incoming;
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

  _open(resumption) {
    this.#resumption = resumption ?? this.#resumption;
    this.#isAnswered = true;
    if (this.#status === Call.State.Reconnecting) {
      this.emit("reconnected");
      this.#status = Call.State.Open;
    }
    if (this.#status !== Call.State.Connecting && this.#status !== Call.State.Ringing) return;
    this.#status = Call.State.Open;
    if (this.#muted) this.#signal("mute", { muted: true });
    this.emit("accept", this);
  }

  // The connection for signals broke. The status changes only after the event; and a call that cannot be resumed ends without
  // another one (call.ts, _onTransportClose).
  _transportClosed() {
    if (this.#status === Call.State.Closed) return;
    this.emit("transportClose");
    if (!this.#resumption) {
      this.#status = Call.State.Closed;
      return;
    }
    this.#status = Call.State.Reconnecting;
    this.emit("reconnecting", new TwilioError(53001));
  }

  // It is back: an answered call asks to be found again; one that only rang stays "reconnecting" for good (call.ts, _onConnected).
  _connected() {
    if (this.#resumption && this.#isAnswered) this.#signal("reconnect", { resumption: this.#resumption });
  }

  _hungUp(code, text, isPrecise) {
    if (this.#status === Call.State.Closed) return;
    if (code) this.emit("error", errorOf(code, text, isPrecise, 31005));
    this._closed();
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

  // Lost while there is no connection, as the SDK's hangup is (call.ts, _disconnect).
  #signal(type, more = {}) {
    if (this.parameters.CallSid) this.#device._signal({ type, call: this.parameters.CallSid, ...more });
  }
}
