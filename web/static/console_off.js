// The page in place of the console while money is missing: the phone, and looking now and then whether it is seen to.

import { part, put } from "./dom.js";
import { listen } from "./keys.js";
import { PhonePanel } from "./phone_panel.js";
import { barredFor } from "./connection.js";
import { csrfToken } from "./sign_in.js";
import { askForTicket } from "./ticket.js";

const page = document.body.dataset;
const phone = page.voice === "on" ? newPhone() : null;
let timer = null;
let open = false; // the console is, by now

function newPhone() {
  const sdk = { url: page.voiceSdkUrl, integrity: page.voiceSdkIntegrity };
  return new PhonePanel({ sdk, csrfToken, beganAt: () => null, onTalking: () => {}, onAvailable: () => {} });
}

async function look() {
  clearTimeout(timer);
  const { kind } = await askForTicket();
  open = kind === "ticket";
  if (kind === "signed-out") return put(part("news"), "You are signed out. Reload the page to sign in again.");
  if (open) return enter();
  timer = setTimeout(look, barredFor());
}

// Leaving the page would hang up: whoever is talking stays until they have finished.
function enter() {
  if (!phone?.busy) return location.reload();
  put(part("news"), "Payment has arrived. The live calls open when you hang up.");
}

function tick() {
  phone?.tick();
  if (open) enter();
}

listen(phone?.shortcuts ?? {});
document.addEventListener("visibilitychange", () => !document.hidden && !open && look());
addEventListener("online", () => !open && look());
setInterval(tick, 1000);
timer = setTimeout(look, barredFor());
