// Asks for the pass that opens one console.

import { abortAfter } from "./deadline.js";
import { csrfToken, isRenewed } from "./sign_in.js";

const TICKET_MS = 10_000; // for the ticket to be given

/**
 * What came of it: {kind: "ticket", ticket, url, trouble, role}; {kind: "barred", trouble} where money is missing and the console is
 * closed for it; {kind: "signed-out"}; {kind: "away"} when there was no answer. `saidAt` is the server's clock, ms since 1970, or NaN.
 * `trouble` is web/billing/payment_notice.py's, or null; `role` is the member's by now. Who has signed in again in another tab is not signed out.
 */
export async function askForTicket() {
  const answer = await ask();
  return answer.kind === "signed-out" && (await isRenewed()) ? ask() : answer;
}

async function ask() {
  try {
    const answer = await fetch("/console/ticket", {
      method: "POST",
      headers: { "X-CSRF-Token": csrfToken() },
      redirect: "error",
      cache: "no-store",
      signal: abortAfter(TICKET_MS),
    });
    return { ...(await read(answer)), saidAt: Date.parse(answer.headers.get("Date") ?? "") };
  } catch {
    return { kind: "away", saidAt: NaN };
  }
}

async function read(answer) {
  if (answer.ok) return { kind: "ticket", ...(await answer.json()) };
  if (answer.status === 401) return { kind: "signed-out" };
  if (answer.status !== 403) return { kind: "away" };
  const { trouble } = await answer.json();
  return trouble ? { kind: "barred", trouble } : { kind: "signed-out" };
}
