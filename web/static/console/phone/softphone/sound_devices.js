// The microphone, the ear (what a call is heard on) and the ringer: permission, choice, level. The choice is this browser's. No DOM.

const KEPT = { microphone: "bilby.microphone", ear: "bilby.ear", ringer: "bilby.ringer" };
const DENIED = "The browser is not allowed to use the microphone. Allow it next to the address bar, then try again.";
const MISSING = "No microphone was found. Plug one in, then try again.";
const BUSY = "The microphone is in use by another program, or it does not work.";
const UNSUPPORTED = "This browser cannot use a microphone here.";
const LEVEL_MS = 100;

export class SoundDevices {
  isAllowed = false; // whether the microphone may be used, as far as is known
  hasMicrophone = true; // whether one is plugged in, allowed or not, as far as is known
  #onChange;
  #permission = null; // the browser's, where it tells
  #wasUsed = false; // since the page was opened

  /** `onChange()` runs when devices come or go, and when the permission changes. */
  constructor({ onChange }) {
    this.#onChange = onChange;
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#look());
    this.#watchPermission();
  }

  /** Ask for the microphone, for a member who wants to be rung. Returns what is wrong, or "". */
  async allow() {
    const { stream, problem } = await open(this.chosen("microphone"));
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.#settle(!problem);
    return problem;
  }

  /** The devices of a kind ("microphone", "ear" or "ringer") as [{id, label}]; labels are empty before the microphone was allowed. */
  async list(kind) {
    const named = (await plugged(kind)).filter(({ deviceId }) => deviceId && deviceId !== "default");
    return named.map(({ deviceId, label }) => ({ id: deviceId, label }));
  }

  /** The chosen device's id; "" is the system's own choice. */
  chosen(kind) {
    return localStorage.getItem(KEPT[kind]) ?? "";
  }

  choose(kind, id) {
    if (id) localStorage.setItem(KEPT[kind], id);
    else localStorage.removeItem(KEPT[kind]);
  }

  /**
   * Let the SDK's `audio` use the chosen devices, before or during a call. One that is gone is replaced by the system's choice. Returns
   * which are gone: "microphone", "ear".
   */
  async apply(audio) {
    const gone = [];
    if (!audio) return gone;
    const ways = { microphone: (id) => audio.setInputDevice?.(id), ear: (id) => audio.isOutputSelectionSupported && audio.speakerDevices?.set(id) };
    for (const [kind, use] of Object.entries(ways)) {
      const chosen = this.chosen(kind);
      if (chosen && (await succeeds(() => use(chosen)))) continue;
      if (chosen) gone.push(kind);
      await succeeds(() => use("default")); // named, so that the SDK follows when the system changes its choice
    }
    return gone;
  }

  /** After a call: the SDK would keep the microphone open. */
  release(audio) {
    audio?.unsetInputDevice?.()?.catch(() => {});
  }

  /** Play `sound` (an <audio>) on the chosen device of a kind, where the browser can. */
  async route(sound, kind) {
    await sound.setSinkId?.(this.chosen(kind)).catch(() => {});
  }

  /** Listen to the chosen microphone: `onLevel(0 to 1)` ten times a second. Returns {problem, stop()}. */
  async listen(onLevel) {
    const { stream, problem } = await open(this.chosen("microphone"));
    this.#settle(!problem);
    if (problem) return { problem, stop() {} };
    const context = new AudioContext();
    context.resume(); // opened by a click, so it may sound
    const meter = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(meter);
    const samples = new Uint8Array(meter.fftSize);
    const timer = setInterval(() => onLevel(loudness(meter, samples)), LEVEL_MS);
    const stop = () => {
      clearInterval(timer);
      context.close();
      for (const track of stream.getTracks()) track.stop();
    };
    return { problem: "", stop };
  }

  async #watchPermission() {
    try {
      this.#permission = await navigator.permissions.query({ name: "microphone" });
      this.#permission.addEventListener("change", () => this.#look());
      this.#look();
    } catch {
      // A browser that does not tell: known once the microphone was opened.
    }
  }

  async #look() {
    const state = this.#permission?.state ?? "prompt";
    const permitted = state === "granted" || (state === "prompt" && this.#wasUsed);
    this.isAllowed = permitted && (await this.list("microphone")).length > 0;
    this.hasMicrophone = (await plugged("microphone")).length > 0;
    this.#onChange();
  }

  #settle(works) {
    this.#wasUsed = works;
    this.isAllowed = works;
    this.#onChange();
  }
}

async function plugged(kind) {
  const wanted = kind === "microphone" ? "audioinput" : "audiooutput";
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return all.filter((device) => device.kind === wanted);
}

async function succeeds(act) {
  try {
    await act();
    return true;
  } catch {
    return false;
  }
}

async function open(id) {
  if (!navigator.mediaDevices?.getUserMedia) return { stream: null, problem: UNSUPPORTED };
  try {
    const audio = id ? { deviceId: { ideal: id } } : true;
    return { stream: await navigator.mediaDevices.getUserMedia({ audio }), problem: "" };
  } catch (error) {
    const problem = { NotAllowedError: DENIED, NotFoundError: MISSING }[error.name] ?? BUSY;
    return { stream: null, problem };
  }
}

// The loudest sample of the last moment, 0 to 1.
function loudness(meter, samples) {
  meter.getByteTimeDomainData(samples);
  let most = 0;
  for (const sample of samples) most = Math.max(most, Math.abs(sample - 128));
  return most / 128;
}
