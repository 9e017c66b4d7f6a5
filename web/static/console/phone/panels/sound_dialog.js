// Microphone, ear and ringer: chosen, tried and measured; the line's check; notifications; a headset's keys.

import { make, part, put } from "../../../dom.js";
import { Headset } from "../softphone/headset.js";
import { checkLine } from "../softphone/line_check.js";
import { sounds } from "../softphone/voice_sdk.js";

const PICKERS = ["microphone", "ear", "ringer"];
const CHECKING = "Checking the line. This takes about half a minute.";
const BUSY = "You are on a call. Check the line when it is over.";
const NOTIFIED = { granted: "Notifications are on.", denied: "The browser does not allow notifications from this page.", default: "" };
const PAIRED = (name) => `In use: ${name}.`;

export class SoundDialog {
  #phone;
  #signals;
  #headset;
  #sdk;
  #csrfToken;
  #level = null; // {stop} while the microphone is measured
  #turn = 0; // counts measurements: the last one is shown
  #isChecking = false;

  /** `signals` is ring_signals.js's, `headset` headset.js's. */
  constructor({ phone, signals, headset, sdk, csrfToken }) {
    this.#phone = phone;
    this.#signals = signals;
    this.#headset = headset;
    this.#sdk = sdk;
    this.#csrfToken = csrfToken;
    const press = (id, action) => part(id).addEventListener("click", action);
    press("sound-open", () => this.open());
    press("try-ear", () => this.#play(sounds.outgoing, "ear"));
    press("try-ringer", () => this.#play(sounds.incoming, "ringer"));
    press("check-line", () => this.#check());
    press("allow-notifications", () => this.#allowNotifications());
    press("pair-headset", () => this.#pair());
    part("sound-dialog").addEventListener("close", () => this.#stopLevel());
    for (const kind of PICKERS) part(kind).addEventListener("change", () => this.#choose(kind));
    navigator.mediaDevices?.addEventListener("devicechange", () => part("sound-dialog").open && this.#look());
  }

  async open() {
    part("sound-dialog").showModal();
    part("headset-row").hidden = !Headset.isSupported;
    this.#drawHeadset();
    this.#drawNotifications();
    await this.#drawPickers(); // the browser may have to ask for the microphone first; only then it names devices
    await this.#look();
  }

  // At the devices that are plugged in now.
  async #look() {
    await this.#measure();
    await this.#drawPickers();
  }

  async #drawPickers() {
    for (const kind of PICKERS) {
      const devices = await this.#phone.devices.list(kind);
      const chosen = this.#phone.devices.chosen(kind);
      const all = [{ id: "", label: "System default" }, ...devices];
      part(kind).replaceChildren(...all.map(({ id, label }, index) => Object.assign(make("option", "", label || `Device ${index}`), { value: id })));
      part(kind).value = devices.some(({ id }) => id === chosen) ? chosen : "";
    }
    const canRoute = Boolean(Audio.prototype.setSinkId);
    for (const kind of ["ear", "ringer"]) part(kind).disabled = !canRoute;
  }

  async #choose(kind) {
    this.#phone.devices.choose(kind, part(kind).value);
    this.#phone.useDevices();
    if (kind === "microphone") await this.#measure();
  }

  async #measure() {
    this.#stopLevel();
    const turn = (this.#turn += 1);
    const level = await this.#phone.devices.listen((loudness) => (part("level").value = loudness));
    if (!part("sound-dialog").open || turn !== this.#turn) return level.stop();
    put(part("level-said"), level.problem);
    this.#level = level;
  }

  #stopLevel() {
    this.#level?.stop();
    this.#level = null;
    part("level").value = 0;
  }

  async #play(url, kind) {
    const sound = new Audio(url);
    await this.#phone.devices.route(sound, kind);
    sound.play().catch(() => {});
  }

  async #check() {
    if (this.#phone.line.call) return put(part("check-said"), BUSY);
    if (this.#isChecking) return;
    this.#become(true);
    part("check-said").dataset.good = "";
    put(part("check-said"), CHECKING);
    const problem = await this.#phone.devices.allow();
    const { words, isGood } = problem ? { words: problem, isGood: false } : await checkLine({ sdk: this.#sdk, csrfToken: this.#csrfToken });
    put(part("check-said"), words);
    part("check-said").dataset.good = isGood ? "yes" : "no";
    this.#become(false);
  }

  // Not disabled: the button would lose the focus.
  #become(isChecking) {
    this.#isChecking = isChecking;
    part("check-line").setAttribute("aria-disabled", String(isChecking));
  }

  async #allowNotifications() {
    await this.#signals.ask();
    this.#drawNotifications();
  }

  #drawNotifications() {
    part("notifications-row").hidden = !globalThis.Notification;
    part("allow-notifications").hidden = !this.#signals.mayAsk;
    put(part("notifications-said"), NOTIFIED[globalThis.Notification?.permission] ?? "");
  }

  async #pair() {
    await this.#headset.pair();
    this.#drawHeadset();
  }

  #drawHeadset() {
    put(part("headset-said"), this.#headset.name ? PAIRED(this.#headset.name) : "");
  }
}
