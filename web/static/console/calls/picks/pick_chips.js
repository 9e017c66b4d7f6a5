// The chips below a line of the transcript, each of which copies what it shows. They go with the line's words.

import { make, put } from "../../../dom.js";
import { picks } from "./picks.js";

const KINDS = {
  phone: "phone number",
  email: "e-mail address",
  amount: "amount",
  date: "date",
  postcode: "postcode",
  reference: "reference",
  name: "spelled name",
  digits: "digits",
};

export class PickChips {
  #list;
  #status;
  #copied = null;

  /** `list` shows the lines; `status` is the live region that says what was copied. */
  constructor(list, status) {
    this.#list = list;
    this.#status = status;
    list.addEventListener("click", (event) => {
      const chip = event.target.closest("button.pick");
      if (chip) this.#copy(chip);
    });
  }

  /** The chips for a final `text`, or null if there is nothing to pick up. */
  static below(text) {
    const found = picks(text);
    if (!found.length) return null;
    const list = make("ul", "picks");
    list.setAttribute("role", "list");
    for (const { kind, value } of found) {
      const chip = make("button", "pick");
      chip.type = "button";
      chip.dataset.kind = kind;
      chip.append(make("span", "visually-hidden", `Copy ${KINDS[kind]} `), make("span", "pick-value", value));
      const item = make("li");
      item.append(chip);
      list.append(item);
    }
    return list;
  }

  /** Copy the newest chip; pressed again, the one before it, and so on. Returns false if there is none. */
  copyNext() {
    const chips = [...this.#list.querySelectorAll("button.pick")];
    const newest = chips[chips.length - 1];
    if (!newest) return false;
    const at = chips.indexOf(this.#copied?.newest === newest ? this.#copied.chip : null);
    this.#copy(at > 0 ? chips[at - 1] : newest);
    return true;
  }

  /** Forget what was copied: the lines are another call's now. */
  clear() {
    this.#copied = null;
    put(this.#status, "");
  }

  async #copy(chip) {
    const value = chip.querySelector(".pick-value").textContent;
    const chips = this.#list.querySelectorAll("button.pick");
    this.#copied?.chip.removeAttribute("data-copied");
    this.#copied = { chip, newest: chips[chips.length - 1] };
    chip.setAttribute("data-copied", "");
    try {
      await navigator.clipboard.writeText(value);
      put(this.#status, `Copied ${value}`);
    } catch {
      chip.removeAttribute("data-copied");
      put(this.#status, "Your browser did not allow copying. Select the words and copy them yourself.");
    }
  }
}
