// A limit for how long an answer may take.

/** Return a signal that aborts after `ms`. (`AbortSignal.timeout` is younger than some browsers that we support.) */
export function abortAfter(ms) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}
