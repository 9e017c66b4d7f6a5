// Part of the emulated @twilio/voice-sdk (see voice_sdk.js): `device.audio`, after the real one's audiohelper.ts and
// outputdevicecollection.ts. Audio processors are not emulated.
/* global EventEmitter, InvalidArgumentError, InvalidStateError, NotSupportedError */

const KINDS = { audioinput: "Audio Input", audiooutput: "Audio Output" };
const TEST_SOUND_URL = "https://sdk.twilio.com/js/client/sounds/releases/1.0.0/outgoing.mp3"; // Twilio's: name one of your own

/** The loudspeakers that a kind of sound comes from. */
class OutputDevices {
  #available;
  #change;
  #isSupported;
  #active = new Set();

  constructor(available, change, isSupported) {
    this.#available = available;
    this.#change = change;
    this.#isSupported = isSupported;
  }

  get() {
    return this.#active;
  }

  async set(idOrIds) {
    if (!this.#isSupported) throw new NotSupportedError("This browser does not support audio output selection");
    const ids = [idOrIds].flat();
    if (!ids.length) throw new InvalidArgumentError("Must specify at least one device to set");
    const missing = ids.filter((id) => !this.#available.has(id));
    if (missing.length) throw new InvalidArgumentError(`Devices not found: ${missing.join(", ")}`);
    await this.#change(ids);
    this.#active.clear();
    for (const id of ids) this.#active.add(this.#available.get(id));
  }

  /** Whether `device` was among them. If none is left, the default one is. */
  delete(device) {
    const wasActive = this.#active.delete(device);
    if (!this.#isSupported) return wasActive;
    const usual = this.#available.get("default") ?? [...this.#available.values()][0];
    if (!this.#active.size && usual) this.#active.add(usual);
    this.#change([...this.#active].map(({ deviceId }) => deviceId)).catch(() => {});
    return wasActive;
  }

  async test(url = TEST_SOUND_URL) {
    if (!this.#isSupported) throw new NotSupportedError("This browser does not support audio output selection");
    if (!this.#active.size) throw new InvalidStateError("No active output devices to test");
    return Promise.all([...this.#active].map(async ({ deviceId }) => {
      const sound = new Audio(url);
      await new Promise((resolve) => { sound.oncanplay = resolve; });
      await sound.setSinkId(deviceId);
      return sound.play();
    }));
  }
}

/** Microphones, loudspeakers and which of a Device's sounds are on. */
class AudioHelper extends EventEmitter {
  availableInputDevices = new Map();
  availableOutputDevices = new Map();
  inputDevice = null;
  audioConstraints = null;
  isOutputSelectionSupported = typeof HTMLAudioElement.prototype.setSinkId === "function";
  isVolumeSupported = typeof AudioContext === "function";
  #device;
  #stream = null; // of the chosen microphone: open until another one is chosen, or none
  #pending = null;
  #sounds = { disconnect: true, incoming: true, outgoing: true };
  #meter = null;
  #unknown = { audioinput: new Map(), audiooutput: new Map() };

  /** `device`: who is told of changes (`_useInput`, `_useSpeakers`, `_useRingers`). */
  constructor(device) {
    super();
    this.#device = device;
    const outputs = [this.availableOutputDevices, this.isOutputSelectionSupported];
    this.ringtoneDevices = new OutputDevices(outputs[0], (ids) => device._useRingers(ids), outputs[1]);
    this.speakerDevices = new OutputDevices(outputs[0], (ids) => device._useSpeakers(ids), outputs[1]);
    if (!navigator.mediaDevices) return; // a page that came neither encrypted nor from this machine has none
    navigator.mediaDevices.addEventListener("devicechange", this._refresh);
    this._refresh().then(() => {
      if (!this.isOutputSelectionSupported) return;
      for (const kind of [this.speakerDevices, this.ringtoneDevices]) kind.set("default").catch(() => {});
    }).catch(() => {}); // the list stays empty
    this.#watchPermission();
  }

  get inputStream() {
    return this.#stream;
  }

  /** A promise while a microphone is being chosen, which a call waits for. */
  get _pending() {
    return this.#pending;
  }

  incoming(isOn) {
    return this.#sound("incoming", isOn);
  }

  outgoing(isOn) {
    return this.#sound("outgoing", isOn);
  }

  disconnect(isOn) {
    return this.#sound("disconnect", isOn);
  }

  setInputDevice(id) {
    return this.#choose(id, false);
  }

  async unsetInputDevice() {
    if (!this.inputDevice) return;
    await this.#device._useInput(null);
    this.#replace(null);
    this.inputDevice = null;
    this.#measure();
  }

  setAudioConstraints(constraints) {
    this.audioConstraints = { ...constraints };
    delete this.audioConstraints.deviceId;
    return this.inputDevice ? this.#choose(this.inputDevice.deviceId, true) : Promise.resolve();
  }

  unsetAudioConstraints() {
    this.audioConstraints = null;
    return this.inputDevice ? this.#choose(this.inputDevice.deviceId, true) : Promise.resolve();
  }

  on(event, listener) {
    super.on(event, listener);
    if (event === "inputVolume") this.#measure();
    return this;
  }

  off(event, listener) {
    super.off(event, listener);
    if (event === "inputVolume") this.#measure();
    return this;
  }

  /** Look again at what is plugged in: labels are known only after the microphone was allowed once. */
  _refresh = async () => {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const of = (kind) => devices.filter((device) => device.kind === kind);
    this.#update(of("audiooutput"), this.availableOutputDevices, (lost) => {
      const wasSpeaker = this.speakerDevices.delete(lost);
      return this.ringtoneDevices.delete(lost) || wasSpeaker;
    });
    this.#update(of("audioinput"), this.availableInputDevices, (lost) => this.#loseInput(lost));
  };

  _destroy() {
    navigator.mediaDevices?.removeEventListener("devicechange", this._refresh);
    this.removeAllListeners();
    this.#replace(null);
    this.#measure();
  }

  #sound(name, isOn) {
    if (isOn !== undefined) this.#sounds[name] = isOn;
    return this.#sounds[name];
  }

  #choose(id, isForced) {
    this.#pending = this.#open(id, isForced).finally(() => { this.#pending = null; });
    return this.#pending;
  }

  async #open(id, isForced) {
    if (typeof id !== "string") throw new InvalidArgumentError("Must specify the device to set");
    const device = this.availableInputDevices.get(id);
    if (!device) throw new InvalidArgumentError(`Device not found: ${id}`);
    if (this.inputDevice?.deviceId === id && this.#stream && !isForced) return;
    const audio = { deviceId: { exact: id }, ...this.audioConstraints };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    await this.#device._useInput(stream);
    this.#replace(stream);
    this.inputDevice = device;
    this.#measure();
  }

  #replace(stream) {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = stream;
  }

  #loseInput(lost) {
    if (this.inputDevice?.deviceId !== lost.deviceId) return false;
    this.#replace(null);
    this.inputDevice = null;
    this.#measure();
    const usual = this.availableInputDevices.get("default") ?? [...this.availableInputDevices.values()][0];
    if (usual) this.setInputDevice(usual.deviceId).catch(() => {});
    return true;
  }

  #update(present, available, lose) {
    const ids = new Set(present.map(({ deviceId }) => deviceId));
    const gone = [...available.values()].filter(({ deviceId }) => !ids.has(deviceId));
    for (const device of gone) available.delete(device.deviceId);
    const lostActive = gone.filter((device) => lose(device));
    let isChanged = gone.length > 0;
    for (const device of present) {
      const { deviceId, groupId, kind } = device;
      const label = device.label || this.#unknownLabel(device);
      if (available.get(deviceId)?.label === label) continue;
      available.set(deviceId, { deviceId, groupId, kind, label });
      isChanged = true;
    }
    if (isChanged) this.emit("deviceChange", lostActive);
  }

  #unknownLabel({ deviceId, kind }) {
    if (deviceId === "default") return "Default";
    const known = this.#unknown[kind];
    if (!known.has(deviceId)) known.set(deviceId, known.size + 1);
    return `Unknown ${KINDS[kind]} Device ${known.get(deviceId)}`;
  }

  async #watchPermission() {
    const permission = await navigator.permissions?.query({ name: "microphone" }).catch(() => null);
    if (permission && permission.state !== "granted") permission.addEventListener("change", this._refresh, { once: true });
  }

  // `inputVolume` comes with every picture, from 0 to 1, while a microphone is chosen and somebody listens.
  #measure() {
    const isWanted = Boolean(this.#stream) && this.listenerCount("inputVolume") > 0;
    if (this.#meter && this.#meter.stream === this.#stream && isWanted) return;
    this.#meter?.context.close();
    this.#meter = null;
    if (!isWanted) return;
    const context = new AudioContext();
    const analyser = Object.assign(context.createAnalyser(), { fftSize: 32, smoothingTimeConstant: 0.3 });
    context.createMediaStreamSource(this.#stream).connect(analyser);
    const meter = { context, stream: this.#stream };
    this.#meter = meter;
    const levels = new Uint8Array(analyser.frequencyBinCount);
    const show = () => {
      if (this.#meter !== meter) return;
      analyser.getByteFrequencyData(levels);
      this.emit("inputVolume", levels.reduce((sum, level) => sum + level, 0) / levels.length / 255);
      requestAnimationFrame(show);
    };
    requestAnimationFrame(show);
  }
}
