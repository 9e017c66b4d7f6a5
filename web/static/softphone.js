// The phone in the page: Twilio's Device, or whatever stands at `sdkUrl` in its place. No DOM of its own.
//
// Phases: "loading", "ready", "offline" (the SDK is reconnecting), "failed", "off" (this member has no phone).
// A call of this phone, for the page: {number, phase: "ringing" | "dialling" | "talking", muted, since, troubled}.

const SDK_MS = 15_000; // for the SDK to load
const TOKEN_MS = 10_000; // for a token to be given
const EXPIRED = 20104; // the token, while this machine slept
const RESTART_MS = 5_000;

const PROBLEMS = {
  31401: "The browser may not use the microphone. Allow it beside the address, then try again.",
  31402: "No microphone was found. Plug one in, then try again.",
  31486: "The number is busy.",
  31404: "That number cannot be reached.",
};

export class Softphone {
  phase = "loading";
  problem = "";
  #options;
  #device = null;
  #call = null; // the call answered or dialled
  #ringing = []; // calls nobody has answered yet, oldest first
  #since = null;
  #troubled = false;

  /** `options`: {sdkUrl, csrfToken, onChange(), onTalking(call id)}: the id that transcripts of the call go by. */
  constructor(options) {
    this.#options = options;
  }

  /** Load the SDK and register. Never throws: what fails becomes `phase` and `problem`. */
  async start() {
    this.#device?.destroy();
    this.#become("loading");
    try {
      const Device = await loadDevice(this.#options.sdkUrl);
      const pass = await this.#pass();
      if (!pass) return this.#become("off");
      this.#device = new Device(pass.token, { edge: pass.edge, closeProtection: true, logLevel: "silent" });
      this.#listen(this.#device);
      await this.#device.register();
    } catch (error) {
      this.#become("failed", problemOf(error, "The phone could not start. You can still read calls."));
    }
  }

  /** What is going on, newest first concern: the call in hand, else the one that rings, else null. */
  get current() {
    if (this.#call) return describe(this.#call, this.#since === null ? "dialling" : "talking", this.#since, this.#troubled);
    return this.#ringing.length ? describe(this.#ringing[0], "ringing", null, false) : null;
  }

  answer() {
    const call = this.#call ? null : this.#ringing.shift();
    if (!call) return;
    this.#hold(call);
    call.accept();
    this.#tell();
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

  /** Send one key of the pad down the line. */
  press(digit) {
    this.#call?.sendDigits(digit);
  }

  /** Call `number`, as typed: the server decides what it means and whether it may be called. */
  async dial(number) {
    if (this.#call || this.phase !== "ready") return;
    this.problem = "";
    try {
      const call = await this.#device.connect({ params: { To: number } });
      call.dialled = number;
      this.#ringing = []; // the SDK ignores them from now on, and says nothing more of them
      this.#hold(call);
    } catch (error) {
      this.problem = problemOf(error, "The call could not be placed.");
    }
    this.#tell();
  }

  #listen(device) {
    device.on("registered", () => this.#become("ready"));
    device.on("unregistered", () => this.phase === "ready" && this.#become("offline"));
    device.on("incoming", (call) => this.#ring(call));
    device.on("tokenWillExpire", () => this.#renewPass());
    device.on("error", (error) => this.#complain(error));
  }

  #ring(call) {
    this.#ringing.push(call);
    const gone = () => {
      this.#ringing = this.#ringing.filter((other) => other !== call);
      this.#tell();
    };
    for (const event of ["cancel", "reject", "disconnect", "error"]) call.on(event, gone);
    this.#tell();
  }

  #hold(call) {
    this.#call = call;
    this.#since = null;
    this.#troubled = false;
    const over = () => this.#letGo(call);
    for (const event of ["disconnect", "cancel", "reject"]) call.on(event, over);
    call.on("accept", () => this.#talk(call));
    call.on("mute", () => this.#tell());
    call.on("reconnecting", () => this.#trouble(call, true));
    call.on("reconnected", () => this.#trouble(call, false));
    call.on("error", (error) => this.#complain(error));
  }

  #talk(call) {
    if (call !== this.#call) return;
    this.#since = Date.now();
    this.problem = "";
    this.#options.onTalking(call.customParameters?.get("call") ?? call.parameters.CallSid);
    this.#tell();
  }

  #trouble(call, troubled) {
    if (call === this.#call) this.#troubled = troubled;
    this.#tell();
  }

  #letGo(call) {
    if (call === this.#call) this.#call = this.#since = null;
    this.#tell();
  }

  #complain(error) {
    if (error?.code === EXPIRED) setTimeout(() => (this.#call ? this.#renewPass() : this.start()), RESTART_MS);
    this.problem = problemOf(error, "The phone reported a problem.");
    this.#tell();
  }

  async #renewPass() {
    try {
      const pass = await this.#pass();
      if (pass) this.#device.updateToken(pass.token);
    } catch (error) {
      this.#complain(error);
    }
  }

  // Null means that this member has no phone.
  async #pass() {
    const answer = await fetch("/voice/token", {
      method: "POST",
      headers: { "X-CSRF-Token": this.#options.csrfToken },
      cache: "no-store",
      signal: AbortSignal.timeout(TOKEN_MS),
    });
    if (answer.status === 403) return null;
    if (!answer.ok) throw new Error(`token: ${answer.status}`);
    return answer.json();
  }

  #become(phase, problem = "") {
    this.phase = phase;
    this.problem = problem;
    this.#tell();
  }

  #tell() {
    this.#options.onChange();
  }
}

function describe(call, phase, since, troubled) {
  const number = call.dialled ?? call.customParameters?.get("caller") ?? call.parameters.From ?? "";
  return { number, phase, since, troubled, muted: call.isMuted() };
}

function problemOf(error, otherwise) {
  return PROBLEMS[error?.code] ?? otherwise;
}

// A plain script that leaves `Twilio.Device` behind, as Twilio publishes it.
function loadDevice(url) {
  if (globalThis.Twilio?.Device) return Promise.resolve(globalThis.Twilio.Device);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const settle = () => (globalThis.Twilio?.Device ? resolve(globalThis.Twilio.Device) : reject(new Error("no SDK")));
    script.addEventListener("load", settle);
    script.addEventListener("error", settle);
    setTimeout(settle, SDK_MS);
    script.src = url;
    document.head.append(script);
  });
}
