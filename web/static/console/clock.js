// The one clock of the page: the server's, so that every elapsed time agrees with every other, on whichever computer.

const DATE_MS = 500; // the Date header leaves out the milliseconds: half a second on average
const JITTER_MS = 2_000; // answers take their time: a smaller difference is no reason to move the clock

let skew = null; // the server's clock less this computer's

/** Set the clock by what the server's said just now, in ms since 1970, which is `lateMs` late: a Date header's, by default. */
export function setClock(serverMs, lateMs = DATE_MS) {
  const found = serverMs + lateMs - Date.now();
  if (skew === null || Math.abs(found - skew) > JITTER_MS) skew = found;
}

/** Now, in ms since 1970. */
export function now() {
  return Date.now() + (skew ?? 0);
}
