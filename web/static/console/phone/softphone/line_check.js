// "Check my line": a short call to nobody, measured by the SDK.

import { abortAfter } from "../../../deadline.js";
import { checkWords } from "../phone_words.js";
import { loadDevice, sounds } from "./voice_sdk.js";

const TOKEN_MS = 10_000;
const LONGEST_MS = 45_000; // the call takes about 20 s
const NOT_STARTED = "The check could not start. Please try again.";
const FAILED = "The line could not be checked: no connection for sound. A firewall may block it.";
const GOOD = new Set(["excellent", "great", "good"]);

/** Check the line of `sdk`'s Device. Returns a promise of {words, isGood}; never throws. */
export async function checkLine({ sdk, csrfToken }) {
  try {
    const [Device, pass] = await Promise.all([loadDevice(sdk), token(csrfToken)]);
    return await run(Device, pass);
  } catch {
    return { words: NOT_STARTED, isGood: false };
  }
}

function run(Device, pass) {
  // The check makes a Device of its own, which would fetch Twilio's sounds.
  const Quiet = class extends Device {
    constructor(token, options) {
      super(token, { ...options, sounds });
    }
  };
  return new Promise((resolve) => {
    const test = Device.runPreflight(pass.token, { edge: pass.edge, deviceFactory: Quiet });
    const timer = setTimeout(() => test.stop(), LONGEST_MS);
    const end = (words, isGood) => {
      clearTimeout(timer);
      resolve({ words, isGood });
    };
    // Without a microphone it is "completed", too, with nothing measured.
    test.on("completed", (report) => end(checkWords(report), GOOD.has(report.callQuality)));
    test.on("failed", () => end(FAILED, false));
  });
}

async function token(csrfToken) {
  const headers = { "X-CSRF-Token": csrfToken() };
  const answer = await fetch("/voice/token", { method: "POST", headers, cache: "no-store", signal: abortAfter(TOKEN_MS) });
  if (!answer.ok) throw new Error(`token: ${answer.status}`);
  return answer.json();
}
