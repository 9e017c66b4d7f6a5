// Detects a dead connection: a frozen process, a proxy that drops data, a computer that slept.

const SILENT_MS = 8_500; // media sends at least every 5 s; with a tick of 0.5 s, a dead connection is noticed within 10 s

/** Measures the time since the last message. */
export class SilenceWatch {
  #silentMs;
  #wall;
  #steady;

  /** `silentMs`: how long nothing may be heard. */
  constructor(silentMs = SILENT_MS) {
    this.#silentMs = silentMs;
    this.heard();
  }

  heard() {
    this.#wall = Date.now();
    this.#steady = performance.now();
  }

  // One clock may stop while the computer sleeps, the other may be set back: use the one that advanced further.
  get isSilent() {
    return Math.max(Date.now() - this.#wall, performance.now() - this.#steady) >= this.#silentMs;
  }
}

/** Run `action` twice a second, also in a hidden tab, and when the page becomes visible. */
export function everyTick(action) {
  try {
    new Worker(new URL("./ticker.js", import.meta.url)).addEventListener("message", action);
  } catch {
    setInterval(action, 500); // better slow than never
  }
  for (const event of ["visibilitychange", "resume"]) document.addEventListener(event, action);
  for (const event of ["focus", "pageshow"]) addEventListener(event, action);
}
