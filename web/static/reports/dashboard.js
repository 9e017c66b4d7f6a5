// Keeps the live counters of the dashboard up to date, and says so when they are not.

import { abortAfter } from "../deadline.js";
import { part, put } from "../dom.js";

const EVERY_MS = 5_000;
const PATIENCE_MS = 4_000;
const STALE_MS = 10_000;
const counters = part("now");

let heardAt = performance.now();
let turn = 0; // of asking: only the latest goes on

function show(isStale) {
  counters.dataset.state = isStale ? "stale" : "fresh";
  part("stale").hidden = !isStale;
}

async function ask() {
  const answer = await fetch("/dashboard/now", {
    headers: { Accept: "application/json" },
    redirect: "error",
    signal: abortAfter(PATIENCE_MS),
  });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  for (const [id, text] of Object.entries(await answer.json())) put(part(id), text || "–");
  heardAt = performance.now();
}

function pause() {
  return new Promise((over) => setTimeout(over, EVERY_MS));
}

/** Ask as long as somebody can see the page. */
async function follow() {
  const mine = ++turn;
  while (turn === mine && document.visibilityState === "visible") {
    try {
      await ask();
    } catch {
      // Said below, once it has lasted.
    }
    show(performance.now() - heardAt > STALE_MS);
    await pause();
  }
}

document.addEventListener("visibilitychange", () => {
  show(performance.now() - heardAt > STALE_MS);
  follow();
});
follow();
