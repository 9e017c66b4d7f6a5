// How the words of calls look, and whether they are read out: remembered on this computer, as preferences without any words.

import { part, put } from "../../../dom.js";

const SIZES_REM = [1, 1.125, 1.3, 1.5, 1.8, 2.2];
const WIDE_PX = 1500; // such a screen is further away
const SIZE_PREFERENCE = "bilby.text-size";

/** Choices of one kind: the preference they are remembered by, the field, and the attribute of the page that the style goes by. */
const LOOKS = [
  { preference: "bilby.typeface", field: "typeface", fact: "typeface", usual: "usual" },
  { preference: "bilby.line-length", field: "line-length", fact: "lineLength", usual: "usual" },
];
const SWITCHES = {
  mode: { preference: "bilby.reading-mode", field: "reading-mode", usual: "off" },
  announce: { preference: "bilby.announce-words", field: "announce-words", usual: "on" },
};

export class Reading {
  #status;
  #size = Number(localStorage.getItem(SIZE_PREFERENCE) ?? (innerWidth < WIDE_PX ? 1 : 2));

  /** `status` is the live region that says what was switched. */
  constructor(status) {
    this.#status = status;
    for (const { preference, field, fact, usual } of LOOKS) {
      part(field).value = localStorage.getItem(preference) ?? usual;
      if (!part(field).value) part(field).value = usual; // of another release
      document.body.dataset[fact] = part(field).value;
      part(field).addEventListener("change", () => {
        document.body.dataset[fact] = part(field).value;
        localStorage.setItem(preference, part(field).value);
      });
    }
    for (const [name, { field }] of Object.entries(SWITCHES)) {
      part(field).addEventListener("change", () => this.#turn(name, part(field).checked));
      this.#show(name);
    }
    part("reading-open").addEventListener("click", () => this.open());
    part("leave-reading").addEventListener("click", () => this.toggleMode());
    for (const button of resizers()) button.addEventListener("click", () => this.resize(Number(button.dataset.resize)));
    this.resize(0);
  }

  /** Whether final words are announced to screen readers. */
  static get announces() {
    return isOn(SWITCHES.announce);
  }

  open() {
    part("reading-dialog").showModal();
  }

  /** Make the words `step` sizes larger. */
  resize(step) {
    this.#size = Math.min(SIZES_REM.length - 1, Math.max(0, this.#size + step));
    part("lines").style.setProperty("--text-size", `${SIZES_REM[this.#size]}rem`);
    if (step) localStorage.setItem(SIZE_PREFERENCE, String(this.#size));
    const last = { "-1": 0, 1: SIZES_REM.length - 1 };
    for (const button of resizers()) button.disabled = this.#size === last[button.dataset.resize];
  }

  /** Show nothing but the words, large, and what the phone needs; or everything again. */
  toggleMode() {
    this.#turn("mode", !isOn(SWITCHES.mode));
    put(this.#status, isOn(SWITCHES.mode) ? "Reading mode" : "Reading mode is off");
  }

  /** Stop or start announcing new words to screen readers. */
  toggleAnnouncements() {
    this.#turn("announce", !Reading.announces);
    put(this.#status, Reading.announces ? "New words are announced" : "New words are not announced");
  }

  #turn(name, on) {
    localStorage.setItem(SWITCHES[name].preference, on ? "on" : "off");
    this.#show(name);
  }

  #show(name) {
    const on = isOn(SWITCHES[name]);
    part(SWITCHES[name].field).checked = on;
    if (name === "mode") {
      document.body.toggleAttribute("data-reading", on);
      part("leave-reading").hidden = !on;
    } else if (!on) part("announced").replaceChildren();
    if (name === "announce") part("phrase-cards").setAttribute("aria-live", on ? "polite" : "off");
  }
}

function resizers() {
  return document.querySelectorAll("[data-resize]");
}

function isOn({ preference, usual }) {
  return (localStorage.getItem(preference) ?? usual) === "on";
}
