// Part of the emulated @twilio/voice-sdk (see voice_sdk.js): `Device.runPreflight`, after the real one's preflight.ts. A call to
// the TwiML App, whose samples make a report. The network's timings are those of the emulated connection.
/* global Device, EventEmitter, TwilioError */

const ECHO_TEST_MS = 20000;
const SIGNALING_TIMEOUT_MS = 10000;

class PreflightTest extends EventEmitter {
  static CallQuality = Object.freeze({ Excellent: "excellent", Great: "great", Good: "good", Fair: "fair", Degraded: "degraded" });
  static Events = Object.freeze({
    Completed: "completed", Connected: "connected", Failed: "failed", Sample: "sample", Warning: "warning",
  });
  static Status = Object.freeze({ Connecting: "connecting", Connected: "connected", Completed: "completed", Failed: "failed" });

  status = PreflightTest.Status.Connecting;
  startTime = Date.now();
  endTime = undefined;
  callSid = undefined;
  latestSample = undefined;
  report = undefined;
  #options;
  #device;
  #call = null;
  #edge = undefined;
  #samples = [];
  #warnings = [];
  #timing = {};
  #timers = [];

  constructor(token, options = {}) {
    super();
    this.#options = { signalingTimeoutMs: SIGNALING_TIMEOUT_MS, ...options };
    const fileInputStream = this.#options.fakeMicInput ? cowbell() : undefined;
    this.#device = new (this.#options.deviceFactory ?? Device)(token, { edge: this.#options.edge, fileInputStream });
    this.#device.once(Device.EventName.Registered, () => this.#connect());
    this.#device.once(Device.EventName.Error, (error) => this.#fail(error));
    this.#device.register().catch(() => {});
    this.#timers.push(setTimeout(() => this.#fail(new TwilioError(53000)), this.#options.signalingTimeoutMs));
  }

  stop() {
    this.#fail(new TwilioError(31008));
  }

  async #connect() {
    clearTimeout(this.#timers.shift());
    const start = Date.now();
    this.#call = await this.#device.connect();
    this.#edge = this.#device.edge ?? undefined;
    if (this.#options.fakeMicInput) {
      this.#timers.push(setTimeout(() => this.#device.disconnectAll(), ECHO_TEST_MS));
      this.#device.audio.disconnect(false);
      this.#device.audio.outgoing(false);
    }
    this.#call.on("warning", (name, rtcWarning) => this.#warn(name, rtcWarning));
    this.#call.on("sample", (sample) => this.#sample(sample));
    this.#call.once("accept", () => {
      const now = Date.now();
      for (const part of ["signaling", "ice", "dtls", "peerConnection"]) {
        this.#timing[part] = { start, end: now, duration: now - start };
      }
      this.callSid = this.#call.parameters.CallSid;
      this.status = PreflightTest.Status.Connected;
      this.emit("connected");
    });
    this.#call.once("disconnect", () => this.#complete());
  }

  #warn(name, rtcWarning) {
    const warning = { name, description: "Received an RTCWarning. See .rtcWarning for the RTCWarning" };
    if (rtcWarning) warning.rtcWarning = rtcWarning;
    this.#warnings.push(warning);
    this.emit("warning", warning);
  }

  #sample(sample) {
    this.latestSample = sample;
    this.#samples.push(sample);
    this.emit("sample", sample);
  }

  #end(status) {
    for (const timer of this.#timers) clearTimeout(timer);
    this.endTime = Date.now();
    this.status = status;
    this.#device.destroy();
  }

  #fail(error) {
    if (this.endTime) return;
    this.#end(PreflightTest.Status.Failed);
    this.emit("failed", error);
  }

  #complete() {
    if (this.endTime) return;
    this.#end(PreflightTest.Status.Completed);
    this.report = this.#describe();
    setTimeout(() => this.emit("completed", this.report), 10);
  }

  #describe() {
    const stats = this.#stats();
    const report = {
      callSid: this.callSid,
      edge: this.#edge,
      iceCandidateStats: [],
      networkTiming: this.#timing,
      samples: this.#samples,
      selectedEdge: this.#options.edge,
      stats,
      testTiming: { start: this.startTime, end: this.endTime, duration: this.endTime - this.startTime },
      totals: this.latestSample && { ...this.latestSample.totals },
      warnings: this.#warnings,
    };
    if (stats) report.callQuality = quality(stats.mos.average);
    return report;
  }

  #stats() {
    if (!this.#samples.length) return undefined;
    return Object.fromEntries(["jitter", "mos", "rtt"].map((name) => {
      const values = this.#samples.map((sample) => sample[name]);
      const average = values.reduce((sum, value) => sum + value, 0) / values.length;
      return [name, { average: Number(average.toPrecision(5)), max: Math.max(...values), min: Math.min(...values) }];
    }));
  }
}

/** Return the word for a mean opinion score. Between the words' ranges the real one's answer is "degraded", too. */
function quality(mos) {
  if (mos > 4.2) return PreflightTest.CallQuality.Excellent;
  if (mos >= 4.1) return PreflightTest.CallQuality.Great;
  if (mos >= 3.7 && mos <= 4) return PreflightTest.CallQuality.Good;
  if (mos >= 3.1 && mos <= 3.6) return PreflightTest.CallQuality.Fair;
  return PreflightTest.CallQuality.Degraded;
}

/** Return a stream with a sound in the place of a microphone's. */
function cowbell() {
  const context = new AudioContext();
  const bell = context.createOscillator();
  const stream = context.createMediaStreamDestination();
  bell.connect(stream);
  bell.start();
  return stream.stream;
}
