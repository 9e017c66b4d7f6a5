// Refreshes the state of numbers and orders without a reload, but not while somebody types.

import { watchForms } from "../busy.js";
import { part } from "../dom.js";

const EVERY_MS = 2000;
const state = part("state");

watchForms(document);
setTimeout(look, EVERY_MS);

async function look() {
  if (isMoving() && !document.hidden && !isInUse()) await renew();
  setTimeout(look, EVERY_MS);
}

function isMoving() {
  return state.querySelector('[data-moving="yes"]') !== null;
}

function isInUse() {
  return state.contains(document.activeElement) || state.querySelector("details[open]") !== null;
}

async function renew() {
  try {
    const answer = await fetch(state.dataset.from, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    // Parsed apart from this page: nothing in it runs.
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
    if (fresh && !isInUse() && fresh.textContent !== state.firstElementChild?.textContent) state.replaceChildren(fresh);
  } catch {
    // The next refresh may succeed.
  }
}
