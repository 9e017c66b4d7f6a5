// What can be done to a call from its row: one set of buttons, which goes to the row that is pointed at or has the focus.

import { part } from "../../dom.js";

export class RowTools {
  #tools = part("row-tools").content.firstElementChild;
  #canHelp;

  /** `canHelp(id)`: whether one can be heard in that call; `onDo(what, id)` runs when a button is pressed: "beside", "snooze" or one of helping's. */
  constructor({ list, canHelp, onDo }) {
    this.#canHelp = canHelp;
    for (const kind of ["pointerover", "focusin"]) list.addEventListener(kind, (event) => this.#goTo(event.target.closest(".call")));
    list.addEventListener("pointerleave", () => this.#rest(list));
    this.#tools.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) onDo(button.dataset.do, this.#tools.parentNode.dataset.call);
    });
  }

  // To the row with the focus, if there is one, when the pointer has left.
  #rest(list) {
    this.#goTo(list.contains(document.activeElement) ? document.activeElement.closest(".call") : null);
  }

  #goTo(row) {
    if (this.#tools.parentNode === row || this.#tools.contains(document.activeElement)) return;
    this.#tools.remove();
    if (!row) return;
    const helps = this.#canHelp(row.dataset.call);
    for (const button of this.#tools.querySelectorAll("[data-helps]")) button.hidden = !helps;
    for (const button of this.#tools.querySelectorAll("[data-do=snooze]")) button.hidden = !row.hasAttribute("data-alert");
    row.append(this.#tools);
  }
}
