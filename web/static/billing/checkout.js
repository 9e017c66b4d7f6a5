// While the page waits for something, poll the state, and reload the page when it changes.

import { watchForms } from "../busy.js";

const PAUSE_MS = 1000;
const LATE_MS = 20_000;
const LONGEST_MS = 10 * 60_000; // then polling stops; the Refresh button still works

async function stands() {
  try {
    const answer = await fetch("/checkout/standing", { headers: { Accept: "application/json" } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // asked again
  }
}

async function wait(waiting) {
  const begun = Date.now();
  const { bundle, payment } = waiting.dataset;
  while (Date.now() - begun < LONGEST_MS) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const found = document.hidden ? null : await stands();
    if (found && ((bundle && found.papers !== bundle) || (payment && found.payment !== payment))) {
      location.reload();
      return;
    }
    const late = waiting.querySelector("[data-late]");
    if (late) late.hidden = Date.now() - begun < LATE_MS;
  }
}

watchForms(document);
const waiting = document.querySelector("[data-waiting]");
if (waiting) wait(waiting);
