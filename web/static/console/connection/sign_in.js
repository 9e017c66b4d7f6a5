// The member's sign-in for long-lived pages: its CSRF token, its end, and whether it was renewed.

import { abortAfter } from "../../deadline.js";

const ANSWER_MS = 10_000; // for the server to answer

const meta = document.querySelector('meta[name="csrf-token"]');
const page = document.body?.dataset ?? {};
let until = Number(page.signedInUntil); // ms since 1970

/** The CSRF token to send with every change. Ask each time: it changes when the member signs in again. */
export function csrfToken() {
  return meta.content;
}

/** When the sign-in ends, in ms since 1970 by the server's clock. */
export function signedInUntil() {
  return until;
}

/**
 * Whether the same member has signed in again in another tab; this page then takes over the new token and end.
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
