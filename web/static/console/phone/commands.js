// Sends the phone's commands to the server. A refusal comes back as a sentence to show where the command was given; nothing is thrown.

import { abortAfter } from "../../deadline.js";

const ANSWER_MS = 8_000;
const AWAY = "Bilby did not answer. Please try again.";
const SENTENCES = {
  401: "You are signed out. Sign in again in another tab, then try again.",
  403: "You no longer have permission to do that. Reload this page.",
  404: "That call is over.",
  429: "Too many attempts. Wait a moment, then try again.",
};

/**
 * POST `body` to `/phone/…`, or to a `path` that begins with a slash. Returns {error, code, said}: `error` is "" if it was done, else a sentence; `code` is the server's short
 * name for the refusal, "away" if it did not answer; `said` is the answer's body.
 */
export async function command(csrfToken, path, body = {}, answerMs = ANSWER_MS) {
  try {
    const answer = await fetch(path.startsWith("/") ? path : `/phone/${path}`, {
      method: "POST",
      headers: { "X-CSRF-Token": csrfToken(), "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body),
      redirect: "error",
      signal: abortAfter(answerMs),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return { error: "", code: "", said };
    return { error: said.error || SENTENCES[answer.status] || AWAY, code: said.code || String(answer.status), said };
  } catch {
    return { error: AWAY, code: "away", said: {} };
  }
}
