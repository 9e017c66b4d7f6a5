// Part of the emulated @twilio/voice-sdk (see voice_sdk.js): Call.
/* global EventEmitter, InvalidArgumentError, TwilioError, errorOf */

// By name (call.ts, WARNING_NAMES): the statistic and its threshold (statsMonitor.ts).
const WARNINGS = {
  "high-rtt": ["rtt", "max", 400],
  "low-mos": ["mos", "min", 3],
  "high-jitter": ["jitter", "max", 30],
  "high-packet-loss": ["packetsLostFraction", "max", 1],
  "high-packets-lost-fraction": ["packetsLostFraction", "maxAverage", 3],
  "low-bytes-received": ["bytesReceived", "min", 1],
  "low-bytes-sent": ["bytesSent", "min", 1],
  "constant-audio-input-level": ["audioInputLevel", "maxDuration", 10],
};
const SAMPLE_MS = 1000;

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
  #line = null; // the microphone and the ear, once the call is taken
  #sampling = 0; // a timer
  #frames = 0; // received
  #stopRinging = () => {};

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
    this.#stopRinging();
    this.#line = this.#device._line();
    this.#line.open(this.#device._inputStream).then((problem) => this.#connect(problem));
  }

  // Only when the microphone is open, or is known not to be, is Twilio told (call.ts, accept).
  #connect(problem) {
    if (this.#status === Call.State.Closed) return;
    const microphone = !problem;
    if (this.direction === Call.CallDirection.Incoming) {
      this.#isAnswered = true;
      this.#signal("accept", { microphone });
    } else {
      this.#device._sound("outgoing");
      const params = Object.fromEntries(this.customParameters);
      this.#device._signal({ type: "connect", id: this.outboundConnectionId, params, microphone });
    }
    if (problem) this.once("accept", () => this.emit("error", new TwilioError(problem)));
  }

  reject() {
    if (this.#status !== Call.State.Pending) return;
    this.#signal("reject");
    this.#close();
    this.emit("reject");
  }

  ignore() {
    if (this.#status !== Call.State.Pending) return;
    this.#close();
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
    this.#line?.mute(shouldMute);
    this.#signal("mute", { muted: shouldMute });
    this.emit("mute", shouldMute, this);
  }

  isMuted() {
    return this.#muted;
  }

  sendDigits(digits) {
    if (/[^0-9*#w]/.test(digits)) throw new InvalidArgumentError("Illegal character passed into sendDigits");
    this.#signal("digits", { digits });
    for (const digit of digits.replaceAll("w", "")) this.#device._sound(`dtmf${{ "*": "s", "#": "h" }[digit] ?? digit}`);
  }

  getLocalStream() {
    return this.#line?.stream ?? undefined;
  }

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
    this.#sampling = setInterval(() => this.#sample(), SAMPLE_MS);
    this.emit("accept", this);
  }

  // The connection for signals broke. The status changes only after the event; and a call that cannot be resumed ends without
  // another one (call.ts, _onTransportClose).
  _transportClosed() {
    if (this.#status === Call.State.Closed) return;
    this.emit("transportClose");
    if (!this.#resumption) {
      this.#close();
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
    this.#close();
    this.emit("disconnect", this);
  }

  _cancelled() {
    if (this.#status === Call.State.Closed) return;
    this.#close();
    this.emit("cancel");
  }

  /** Ring, until the call is taken or gone. */
  _ring() {
    this.#stopRinging = this.#device._sound("incoming", true);
  }

  _play(bytes) {
    this.#frames += 1;
    this.#line?.play(bytes);
  }

  /** Hear another microphone. */
  _replaceInput(stream) {
    this.#line?.replace(stream);
  }

  /** Sound from other loudspeakers; only the first of them is used. */
  async _setSinks(ids) {
    await this.#line?.sound(ids[0]);
  }

  // Not while muted: nothing is heard then because nothing should be (call.ts, _emitWarning).
  _warn(name, isCleared) {
    if (this.#status !== Call.State.Open || (name === "constant-audio-input-level" && this.#muted)) return;
    const [stat, threshold, value] = WARNINGS[name] ?? [];
    const data = stat && !isCleared ? { name: stat, threshold: { name: threshold, value }, value } : null;
    this.emit(isCleared ? "warning-cleared" : "warning", name, data);
  }

  // RTCSample (rtc/sample.d.ts), of a line as good as the emulator says it is.
  #sample() {
    const received = this.#frames;
    const bytes = received * 160;
    const totals = {
      bytesReceived: bytes, bytesSent: bytes, packetsLost: 0, packetsLostFraction: 0, packetsReceived: received, packetsSent: received,
    };
    const { mos, jitter, rtt } = this.#device._quality;
    this.emit("sample", {
      ...totals, audioInputLevel: 0, audioOutputLevel: 0, codecName: this.codec, jitter, mos, rtt, timestamp: Date.now(), totals,
    });
  }

  #close() {
    if (this.#line) this.#device._sound("disconnect");
    this.#status = Call.State.Closed;
    clearInterval(this.#sampling);
    this.#stopRinging();
    this.#line?.close();
    this.#line = null;
  }

  // Lost while there is no connection, as the SDK's hangup is (call.ts, _disconnect).
  #signal(type, more = {}) {
    if (this.parameters.CallSid) this.#device._signal({ type, call: this.parameters.CallSid, ...more });
  }
}
