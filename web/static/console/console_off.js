// The page that replaces the console while the subscription is not paid: the phone, and a check now and then whether it is paid.

import { part, put } from "../dom.js";
import { listen } from "./keys.js";
import { RoomsPanel } from "./phone/panels/rooms_panel.js";
import { PhonePanel } from "./phone/phone_panel.js";
import { barredFor } from "./connection/connection.js";
import { csrfToken } from "./connection/sign_in.js";
import { askForTicket } from "./connection/ticket.js";
import "../people/account.js";

const page = document.body.dataset;
const phone = page.voice === "on" ? newPhone() : null;
let timer = null;
let open = false; // whether the console may be opened now

function newPhone() {
  const sdk = { url: page.voiceSdkUrl, integrity: page.voiceSdkIntegrity };
  const ignore = () => {};
  if (page.phone === "dial") return new PhonePanel({ sdk, csrfToken, beganAt: () => null, onTalking: ignore, onAvailable: ignore });
  return new RoomsPanel({ member: page.memberId, sdk, csrfToken, onTalking: ignore, onStopWords: null, onChange: ignore });
}

async function look() {
  clearTimeout(timer);
  const { kind } = await askForTicket();
  open = kind === "ticket";
  if (kind === "signed-out") return put(part("news"), "You are signed out. Reload the page to sign in again.");
  if (open) return enter();
  timer = setTimeout(look, barredFor());
}

// Leaving the page hangs up and loses what is being typed, so wait until the call and its wrap-up are over.
function enter() {
  if (!phone?.busy) return location.reload();
  part("news").setAttribute("data-paid", "");
  put(part("news"), "Payment has arrived. The live calls open when this call and its wrap-up are done.");
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
