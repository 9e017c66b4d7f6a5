// Asks the server for the ticket that opens one console.

import { abortAfter } from "../../deadline.js";
import { csrfToken, isRenewed } from "./sign_in.js";

const TICKET_MS = 10_000; // for the ticket to be given

/**
 * Returns one of {kind: "ticket", ticket, url, notice, role}; {kind: "barred", notice} where the console is
 * closed for lack of payment; {kind: "signed-out"}; {kind: "away"} when there was no answer. `saidAt` is the server's clock, ms since 1970, or NaN.
 * `notice` is web/billing/payment_notice.py's, or null; `role` is the member's current one. A member who signed in again in another tab is not signed out.
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
  if (answer.ok) {
    const { trouble: notice, ...ticket } = await answer.json();
    return { kind: "ticket", notice, ...ticket };
  }
  if (answer.status === 401) return { kind: "signed-out" };
  if (answer.status !== 403) return { kind: "away" };
  const { trouble: notice } = await answer.json();
  return notice ? { kind: "barred", notice } : { kind: "signed-out" };
}
