// What a supervisor does with the wall's lists: filter them, see one group, put them in order. What is chosen is remembered by this browser;
// what is typed may be a caller's words or number, and is not.

import { part, put } from "../../dom.js";
import { ALL, Groups } from "./groups.js";
import { teamShown, waitingShown } from "./people.js";

const KEPT = "bilby.wall";
const ORDERS = { order: "longest", "waiting-order": "longest", "team-order": "name" };

export class WallTools {
  #groups;
  #onChange;
  #text = "";
  #needsAttention = false;
  #group = localStorage.getItem(`${KEPT}.group`) ?? ALL;

  /** `me` is the member's id; `onChange()` runs when other rows are to be shown, or in another order. */
  constructor({ me, onChange }) {
    this.#groups = new Groups(me);
    this.#onChange = onChange;
    for (const [id, usual] of Object.entries(ORDERS)) this.#remember(id, usual);
    part("filter").addEventListener("input", (event) => this.#turn(() => (this.#text = event.target.value)));
    part("group").addEventListener("change", (event) => this.#turn(() => this.#choose(event.target.value)));
    part("attention").addEventListener("click", () => this.#turn(() => this.#press()));
  }

  /** Take over what the phone's server says (phone_state.js). Returns whether that is news. */
  hear(state) {
    const isNews = this.#groups.hear(state);
    if (isNews) this.#offerGroups();
    return isNews;
  }

  /** What call_list.js is to show. */
  get filter() {
    const scope = this.#scope;
    const isOf = scope && ((call) => this.#groups.hasCall(scope, call));
    return { text: this.#text, attention: this.#needsAttention, order: part("order").value, isOf };
  }

  /** Whether the live call is of what is seen: of the group that was chosen, if one was. */
  isSeen(call) {
    return this.#groups.hasCall(this.#scope, call);
  }

  /** Whether one group is seen, or several, and not everybody. */
  get isOfGroup() {
    return this.#scope !== null;
  }

  /** For people_lists.js: whether rows are left out, and which are not. */
  get people() {
    const seen = { text: this.#text, scope: this.#scope };
    return {
      isFiltered: this.#scope !== null || this.#text.trim() !== "",
      waiting: (rows) => waitingShown(rows, { ...seen, order: part("waiting-order")?.value }),
      team: (rows) => teamShown(rows, { ...seen, order: part("team-order")?.value }),
    };
  }

  /** Say that so many calls need attention. */
  showNeedy(count) {
    part("attention").hidden = count === 0 && !this.#needsAttention;
    put(part("attention"), count === 1 ? "1 needs attention" : `${count} need attention`);
  }

  get #scope() {
    return this.#groups.scope(this.#group);
  }

  #turn(change) {
    change();
    this.#onChange();
  }

  #remember(id, usual) {
    const select = part(id);
    if (!select) return; // a page without a phone has no such list
    select.value = localStorage.getItem(`${KEPT}.${id}`) ?? usual;
    if (!select.value) select.value = usual;
    select.addEventListener("change", () => this.#turn(() => localStorage.setItem(`${KEPT}.${id}`, select.value)));
  }

  #choose(group) {
    this.#group = group;
    localStorage.setItem(`${KEPT}.group`, group);
  }

  #press() {
    this.#needsAttention = !this.#needsAttention;
    part("attention").setAttribute("aria-pressed", String(this.#needsAttention));
  }

  // A group that is gone is not chosen any more, and is again once it is back.
  #offerGroups() {
    const { choices } = this.#groups;
    const all = [{ id: ALL, name: "All groups" }, ...choices];
    part("group").hidden = choices.length === 0;
    if (JSON.stringify(all) === part("group").dataset.drawn) return;
    part("group").dataset.drawn = JSON.stringify(all);
    part("group").replaceChildren(...all.map(({ id, name }) => new Option(name, id)));
    part("group").value = this.#scope ? this.#group : ALL;
  }
}
