// The button that has the organisation's number called by a recording, where the operator offers that.

import { part, put } from "../dom.js";

const FAILED = "The call could not be placed. Please try again.";

/** Make the button work, if the page has one. */
export function offerTestCalls() {
  part("call-me")?.addEventListener("click", async ({ currentTarget: button }) => {
    button.disabled = true;
    put(part("call-me-said"), await placed());
    button.disabled = false;
  });
}

/** Place the call; what came of it, in words. */
async function placed() {
  const token = document.querySelector('meta[name="csrf-token"]').content; // read each time: the console renews it
  try {
    const answer = await fetch("/console/test-call", { method: "POST", headers: { "X-CSRF-Token": token, Accept: "application/json" } });
    const { number, error } = await answer.json();
    return answer.ok ? `${number} is ringing now.` : (error ?? FAILED);
  } catch {
    return FAILED;
  }
}
