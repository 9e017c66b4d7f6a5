// The member's sign-in, as far as a page that stays open needs to know it: its CSRF token, its end, and whether it was renewed.

import { abortAfter } from "./deadline.js";

const ANSWER_MS = 10_000; // for the server to answer

const meta = document.querySelector('meta[name="csrf-token"]');
const page = document.body?.dataset ?? {};
let until = Number(page.signedInUntil); // ms since 1970

/** The token to send along with whatever changes something. It changes when the member signs in again: ask each time. */
export function csrfToken() {
  return meta.content;
}

/** When the sign-in ends, in ms since 1970 by the server's clock. */
export function signedInUntil() {
  return until;
}

/**
 * Whether this browser has another sign-in of the same member by now, as one that another tab began; its token and its end are
 * then this page's as well.
 */
export async function isRenewed() {
  const now = await ask();
  if (now?.member !== page.memberId || now.csrf_token === meta.content) return false;
  meta.content = now.csrf_token;
  until = now.until;
  return true;
}

async function ask() {
  try {
    const answer = await fetch("/console/sign-in", {
      headers: { Accept: "application/json" },
      redirect: "error",
      cache: "no-store",
      signal: abortAfter(ANSWER_MS),
    });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
