// A headset's own keys by WebHID, where the browser has it: hook answers and hangs up, mute mutes. The USB usage tables' telephony and
// LED pages, nothing of a vendor's; reports are read by the layout that the headset describes.

const TELEPHONY = 0x0b;
const LEDS = 0x08;
const HOOK = 0x20; // hook switch
const MUTE = 0x2f; // phone mute
const LIGHTS = { muted: 0x09, offHook: 0x17, ringing: 0x18 };

/** Where `usage` of `page` stands in the reports of a kind: {id, bit, bits (length of the report)}; null if nowhere. */
export function findUsage(collections, kind, page, usage) {
  const wanted = page * 0x10000 + usage;
  for (const collection of collections) {
    for (const report of collection[kind] ?? []) {
      const found = findIn(report, wanted);
      if (found) return found;
    }
    const within = findUsage(collection.children ?? [], kind, page, usage);
    if (within) return within;
  }
  return null;
}

function findIn({ reportId, items }, wanted) {
  let bits = 0;
  let bit = null;
  for (const item of items) {
    const at = (item.usages ?? []).indexOf(wanted);
    const inRange = item.isRange && wanted >= item.usageMinimum && wanted <= item.usageMaximum;
    if (at >= 0 && at < item.reportCount) bit ??= bits + at * item.reportSize;
    else if (inRange) bit ??= bits + (wanted - item.usageMinimum) * item.reportSize;
    bits += item.reportSize * item.reportCount;
  }
  return bit === null ? null : { id: reportId, bit, bits };
}

export class Headset {
  name = ""; // of the headset in use
  #onHook;
  #onMute;
  #device = null;
  #wasOffHook = false;
  #wasMutePressed = false;
  #shown = {}; // on its lights
  #wanted = {};

  /** `onHook(isOffHook)` and `onMute()` when the member presses the headset's keys. */
  constructor({ onHook, onMute }) {
    this.#onHook = onHook;
    this.#onMute = onMute;
  }

  static get isSupported() {
    return Boolean(navigator.hid);
  }

  /** Use a headset that was paired before, if it is plugged in. */
  async resume() {
    if (!Headset.isSupported) return;
    navigator.hid.addEventListener("disconnect", ({ device }) => device === this.#device && this.#drop());
    navigator.hid.addEventListener("connect", ({ device }) => !this.#device && this.#use(device)); // plugged in again
    await this.#use((await navigator.hid.getDevices()).find(isTelephone));
  }

  /** Let the member choose a headset, after a click. Returns whether there is one now. */
  async pair() {
    const [device] = await navigator.hid.requestDevice({ filters: [{ usagePage: TELEPHONY }] }).catch(() => []);
    await this.#use(device);
    return this.#device !== null;
  }

  /** Show on the headset's lights what the phone does: {ringing, offHook, muted}. */
  async show(lights) {
    this.#wanted = lights;
    const same = Object.keys(LIGHTS).every((name) => Boolean(lights[name]) === Boolean(this.#shown[name]));
    if (!this.#device || same) return;
    this.#shown = { ...lights };
    const reports = new Map(); // id → bytes
    for (const [name, usage] of Object.entries(LIGHTS)) {
      const place = findUsage(this.#device.collections, "outputReports", LEDS, usage);
      if (!place) continue;
      const bytes = reports.get(place.id) ?? new Uint8Array(Math.ceil(place.bits / 8));
      if (lights[name]) bytes[place.bit >> 3] |= 1 << (place.bit & 7);
      reports.set(place.id, bytes);
    }
    for (const [id, bytes] of reports) await this.#device.sendReport(id, bytes).catch(() => {});
  }

  async #use(device) {
    if (!device || device === this.#device || !isTelephone(device)) return;
    try {
      if (!device.opened) await device.open();
    } catch {
      return; // another program has it
    }
    this.#device = device;
    this.name = device.productName;
    this.#forgetKeys();
    const places = [HOOK, MUTE].map((usage) => findUsage(device.collections, "inputReports", TELEPHONY, usage));
    device.addEventListener("inputreport", ({ reportId, data }) => device === this.#device && this.#read(reportId, data, ...places));
    await this.show(this.#wanted);
  }

  #read(id, data, hook, mute) {
    const isOffHook = read(id, data, hook) ?? this.#wasOffHook;
    const isMutePressed = read(id, data, mute) ?? this.#wasMutePressed;
    if (isOffHook !== this.#wasOffHook) this.#onHook(isOffHook);
    if (isMutePressed && !this.#wasMutePressed) this.#onMute(); // the key is pressed, and released later
    this.#wasOffHook = isOffHook;
    this.#wasMutePressed = isMutePressed;
  }

  #drop() {
    this.#device = null;
    this.#forgetKeys();
    this.name = "";
  }

  #forgetKeys() {
    this.#wasOffHook = this.#wasMutePressed = false;
    this.#shown = {};
  }
}

function isTelephone(device) {
  return device.collections.some(({ usagePage }) => usagePage === TELEPHONY);
}

// The bit of a report: null if it is not in this one.
function read(id, data, place) {
  if (!place || place.id !== id || place.bit >> 3 >= data.byteLength) return null;
  return Boolean((data.getUint8(place.bit >> 3) >> (place.bit & 7)) & 1);
}
