// A telephone line in a page: its microphone and what is heard. Part of the emulated Voice SDK (voice_sdk.js) and of the telephone on the
// page of the telephone network.

const PERMISSION_DENIED = 31401; // the SDK's codes (lib/twilio/errors, UserMediaErrors)
const ACQUISITION_FAILED = 31402;

class SoundLine {
  stream = null; // of the microphone
  #send;
  #worklet;
  #contexts = [];
  #ear = null;
  #isClosed = false;
  #isMuted = false;
  #microphone = null;
  #source = null; // what the microphone's node hears
  #sink = "";

  /** `worklet`: the URL of sound_worklet.js; `send(bytes)` takes each 20 ms that the microphone hears, 160 bytes of mu-law. */
  constructor(worklet, send) {
    this.#worklet = worklet;
    this.#send = send;
  }

  /**
   * Open both directions. Never throws: returns 0, or the code of what is wrong with the microphone. `stream` is a microphone
   * that is open already; it stays so afterwards.
   */
  async open(stream = null) {
    const [problem] = await Promise.all([this.#openMicrophone(stream), this.#openEar()]);
    return problem;
  }

  /** Hear another microphone from now on, as `open` does. */
  replace(stream) {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = stream.clone();
    this.mute(this.#isMuted);
    if (!this.#microphone) return;
    this.#source?.disconnect();
    this.#source = this.#microphone.context.createMediaStreamSource(this.stream);
    this.#source.connect(this.#microphone);
  }

  /** Sound from the loudspeaker with that id, where the browser can choose. */
  async sound(id) {
    this.#sink = id === "default" ? "" : id;
    await this.#ear?.context.setSinkId?.(this.#sink);
  }

  /** Play the next 20 ms. */
  play(bytes) {
    this.#ear?.port.postMessage(new Uint8Array(bytes));
  }

  mute(isMuted) {
    this.#isMuted = isMuted;
    for (const track of this.stream?.getTracks() ?? []) track.enabled = !isMuted;
  }

  close() {
    this.#isClosed = true;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    for (const context of this.#contexts.splice(0)) context.close();
    this.#ear = null;
  }

  async #openMicrophone(stream) {
    try {
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      this.stream = stream?.clone() ?? await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      return error.name === "NotAllowedError" ? PERMISSION_DENIED : ACQUISITION_FAILED;
    }
    try {
      const microphone = await this.#node("telephone-microphone", {}, { numberOfOutputs: 0 });
      if (!microphone) return 0;
      microphone.port.onmessage = ({ data }) => this.#send(data);
      this.#microphone = microphone;
      this.#source = microphone.context.createMediaStreamSource(this.stream);
      this.#source.connect(microphone);
      this.mute(this.#isMuted);
      return 0;
    } catch {
      return ACQUISITION_FAILED;
    }
  }

  // A page that cannot play still shows the call.
  async #openEar() {
    try {
      const ear = await this.#node("telephone-ear", { sampleRate: 8000 }, { numberOfInputs: 0, outputChannelCount: [1] });
      ear?.connect(ear.context.destination);
      this.#ear = ear;
      await ear?.context.setSinkId?.(this.#sink);
    } catch {
      this.#ear = null;
    }
  }

  // Null if the line was closed meanwhile.
  async #node(name, contextOptions, nodeOptions) {
    const context = new AudioContext({ latencyHint: "interactive", ...contextOptions });
    this.#contexts.push(context);
    await context.audioWorklet.addModule(this.#worklet);
    context.resume();
    if (!this.#isClosed) return new AudioWorkletNode(context, name, nodeOptions);
    this.close();
    return null;
  }
}
