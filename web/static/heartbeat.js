// Notices that nobody is heard any more: a frozen process, a swallowing proxy, a machine that slept.

const SILENT_MS = 8_500; // media says something every 5 s; with a tick of 0.5 s, nothing is taken for live 10 s after it was

/** Knows how long ago it heard something. */
export class Heartbeat {
  #wall;
  #steady;

  constructor() {
    this.heard();
  }

  heard() {
    this.#wall = Date.now();
    this.#steady = performance.now();
  }

  // One clock may stand still while the machine sleeps, the other may be set back: whichever went further is believed.
  get isSilent() {
    return Math.max(Date.now() - this.#wall, performance.now() - this.#steady) >= SILENT_MS;
  }
}

/** Run `action` twice a second, hidden or not, and as soon as somebody looks at the page again. */
export function everyTick(action) {
  try {
    new Worker(new URL("./ticker.js", import.meta.url)).addEventListener("message", action);
  } catch {
    setInterval(action, 500); // better slow than never
  }
  for (const event of ["visibilitychange", "resume"]) document.addEventListener(event, action);
  for (const event of ["focus", "pageshow"]) addEventListener(event, action);
}
