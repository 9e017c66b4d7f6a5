// The tones of the telephone in the page: ringing, and the keys of its pad. Served together with telephone.js.

const RING_HZ = [400, 450]; // Australia's: 0.4 s on, 0.2 off, 0.4 on, 2 off
const RING_BURSTS = [[0, 0.4], [0.6, 1]];
const RING_MS = 3000;
const KEY_SECONDS = 0.15;
const ROWS = [697, 770, 852, 941]; // Hz, ITU-T Q.23
const COLUMNS = [1209, 1336, 1477];
const KEYS = "123456789*0#";
const LOUDNESS = 0.08; // of each frequency

class Tones {
  #context = null;
  #ringing = 0; // the timer of the next ring

  /** Ring until `stop`. A browser plays nothing before its page was touched. */
  ring() {
    for (const [from, to] of RING_BURSTS) this.#sound(RING_HZ, from, to);
    clearTimeout(this.#ringing);
    this.#ringing = setTimeout(() => this.ring(), RING_MS);
  }

  key(digit) {
    const at = KEYS.indexOf(digit);
    this.#sound([ROWS[Math.floor(at / 3)], COLUMNS[at % 3]], 0, KEY_SECONDS);
  }

  stop() {
    clearTimeout(this.#ringing);
    this.#context?.close();
    this.#context = null;
  }

  #sound(pitches, from, to) {
    this.#context ??= new AudioContext();
    const begins = this.#context.currentTime;
    for (const pitch of pitches) {
      const tone = new OscillatorNode(this.#context, { frequency: pitch });
      tone.connect(new GainNode(this.#context, { gain: LOUDNESS })).connect(this.#context.destination);
      tone.start(begins + from);
      tone.stop(begins + to);
    }
  }
}
