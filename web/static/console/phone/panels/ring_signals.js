// What a ringing call does beside the page: sound, title, desktop notification, headset lamp. Only the tab that holds the phone rings.

import { part, put } from "../../../dom.js";
import { offerWords, who } from "../phone_words.js";
import { ringback, sounds } from "../softphone/voice_sdk.js";
import { titleSays } from "../../title.js";

const TAG = "bilby-call";
const TOUCHES = ["click", "keydown"]; // not when a button goes down: nothing may move before it is up
const SILENT = "Your browser lets this page ring only after you click or press a key in it.";

export class RingSignals {
  #phone;
  #ring = Object.assign(new Audio(sounds.incoming), { loop: true, preload: "none" });
  #ringback = Object.assign(new Audio(ringback), { loop: true, preload: "none" });
  #notified = new Map(); // call id → Notification
  #wanted = new Set(); // sounds that are to play

  constructor({ phone }) {
    this.#phone = phone;
  }

  /** Offers that ring now, and the call in hand or null. */
  show(offers, call) {
    const first = offers[0];
    titleSays("ring", first ? `${offerWords(first)}: ${who(first.caller)}` : "");
    const isMine = this.#phone.isLeader && !this.#phone.line.isElsewhere;
    this.#sound(this.#ring, isMine && offers.length > 0, "ringer");
    this.#sound(this.#ringback, isMine && this.#phone.line.call?.state === "joined" && waits(call), "ear");
    this.#notify(isMine ? offers : []);
  }

  /** Whether notifications may be asked for, and have not been. */
  get mayAsk() {
    return globalThis.Notification?.permission === "default";
  }

  /** Ask for notifications, after a click. Returns "granted", "denied" or "default". */
  async ask() {
    return Notification.requestPermission();
  }

  async #sound(sound, shouldPlay, device) {
    if (shouldPlay) this.#wanted.add(sound);
    else this.#wanted.delete(sound);
    if (!shouldPlay) return sound.pause();
    if (!sound.paused) return;
    sound.currentTime = 0;
    await this.#phone.devices.route(sound, device);
    if (this.#wanted.has(sound)) await this.#play(sound);
  }

  // Before a page was touched, browsers may let it play nothing, as after a reload. Whoever waits for a ring has to know.
  async #play(sound) {
    try {
      await sound.play();
    } catch (error) {
      if (error.name !== "NotAllowedError") return; // it was stopped meanwhile
      put(part("ring-said"), SILENT);
      for (const touch of TOUCHES) addEventListener(touch, this.#touched, { capture: true });
    }
  }

  #touched = () => {
    for (const touch of TOUCHES) removeEventListener(touch, this.#touched, { capture: true });
    put(part("ring-said"), "");
    for (const sound of this.#wanted) this.#play(sound);
  };

  #notify(offers) {
    const ids = new Set(offers.map(({ call }) => call));
    for (const [id, shown] of this.#notified) {
      if (ids.has(id)) continue;
      shown?.close();
      this.#notified.delete(id);
    }
    if (globalThis.Notification?.permission !== "granted") return;
    for (const offer of offers) if (!this.#notified.has(offer.call)) this.#notified.set(offer.call, notification(offer));
  }
}

// Notifications stay in the system's list, where others may read them: who calls stands in one only if the organisation says so.
function notification(offer) {
  if (document.hasFocus()) return null;
  const mayName = document.body.dataset.notificationNumbers === "yes";
  const body = [mayName ? who(offer.caller) : "", offer.line].filter(Boolean).join(" · ");
  try {
    const shown = new Notification(offerWords(offer), { body, tag: `${TAG}-${offer.call}`, requireInteraction: true });
    shown.addEventListener("click", () => {
      window.focus();
      shown.close();
    });
    return shown;
  } catch {
    return null; // mobile browsers know notifications of service workers only
  }
}

// The room is silent until the customer answers, and while they are on hold until whom the agent asks does. That it stops
// ringing tells the agent that somebody is there, or that nobody comes.
function waits(call) {
  if (call?.phase === "dialling") return true;
  return call?.transfer?.kind === "warm" && call.transfer.state === "ringing";
}
