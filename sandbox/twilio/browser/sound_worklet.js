// The two ends of a telephone line in the browser's audio thread: a microphone that gives 20 ms frames of mu-law at 8 kHz, and
// an ear that plays them. sound_line.js loads it; the emulated Twilio serves it as /voice-sdk-worklet.js.
/* global AudioWorkletProcessor, registerProcessor, sampleRate */

const RATE = 8000;
const FRAME = 160; // samples
const ZEROS = 6; // of the low-pass filter's kernel on each side
const CUTOFF = 0.9; // of half of RATE: nothing above may fold down
const START = 3; // frames in the jitter buffer before it begins to play
const MOST = 12; // frames; beyond, the oldest are left out: the other side's clock is faster
const BIAS = 132;
const CLIP = 32635;

/** Return the mu-law code (G.711) of a sample between -1 and 1. */
function encoded(sample) {
  const linear = Math.max(-CLIP, Math.min(CLIP, Math.round(sample * 32768)));
  const magnitude = Math.abs(linear) + BIAS;
  const exponent = 24 - Math.clz32(magnitude); // of the highest bit, which is 7 to 14
  return ~((linear < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
}

/** Return the sample between -1 and 1 that a mu-law code stands for. */
function decoded(code) {
  const bits = ~code & 0xff;
  const magnitude = (((bits & 0x0f) << 3) + BIAS << ((bits >> 4) & 7)) - BIAS;
  return (bits & 0x80 ? -magnitude : magnitude) / 32768;
}

/** Brings sound of any rate down to 8 kHz, block by block without a seam: a windowed sinc. */
class Decimator {
  #step;
  #reach;
  #past;
  #next; // where the next output lies in `#past` and what follows it

  constructor(rate) {
    this.#step = rate / RATE;
    this.#reach = Math.ceil(ZEROS * this.#step / CUTOFF);
    this.#past = new Float32Array(2 * this.#reach);
    this.#next = this.#reach;
  }

  *convert(block) {
    const samples = new Float32Array(this.#past.length + block.length);
    samples.set(this.#past);
    samples.set(block, this.#past.length);
    for (; this.#next + this.#reach < samples.length; this.#next += this.#step) yield this.#at(samples, this.#next);
    const kept = Math.min(samples.length, 2 * this.#reach + Math.ceil(this.#step));
    this.#next -= samples.length - kept;
    this.#past = samples.slice(samples.length - kept);
  }

  #at(samples, middle) {
    let sum = 0;
    for (let at = Math.max(0, Math.ceil(middle - this.#reach)); at <= middle + this.#reach; at += 1) {
      const away = at - middle;
      const x = Math.PI * away * CUTOFF / this.#step;
      sum += samples[at] * (x === 0 ? 1 : Math.sin(x) / x) * Math.cos(Math.PI * away / this.#reach / 2) ** 2;
    }
    return sum * CUTOFF / this.#step;
  }
}

class Microphone extends AudioWorkletProcessor {
  #decimator = new Decimator(sampleRate);
  #frame = new Uint8Array(FRAME);
  #filled = 0;

  process([[block]]) {
    for (const sample of block ? this.#decimator.convert(block) : []) {
      this.#frame[this.#filled] = encoded(sample);
      this.#filled += 1;
      if (this.#filled === FRAME) this.#send();
    }
    return true;
  }

  #send() {
    this.port.postMessage(this.#frame, [this.#frame.buffer]);
    this.#frame = new Uint8Array(FRAME);
    this.#filled = 0;
  }
}

// Runs in a context of 8 kHz; the browser brings that to what the loudspeaker has.
class Ear extends AudioWorkletProcessor {
  #frames = [];
  #at = 0; // in the first of them
  #plays = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  process(inputs, [[block]]) {
    for (let at = 0; at < block.length; at += 1) block[at] = this.#sample();
    return true;
  }

  #take(frame) {
    this.#frames.push(frame);
    if (this.#frames.length > MOST) this.#frames.splice(0, MOST - START);
    this.#plays ||= this.#frames.length >= START;
  }

  #sample() {
    if (!this.#plays) return 0;
    const [frame] = this.#frames;
    const sample = decoded(frame[this.#at]);
    this.#at += 1;
    if (this.#at === frame.length) {
      this.#at = 0;
      this.#frames.shift();
      this.#plays = this.#frames.length > 0; // an empty buffer fills up again before it plays
    }
    return sample;
  }
}

registerProcessor("telephone-microphone", Microphone);
registerProcessor("telephone-ear", Ear);
