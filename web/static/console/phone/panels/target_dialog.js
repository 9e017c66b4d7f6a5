// Chooses to whom a call is transferred, or who is added to it: a colleague, a group, or a number that is typed.

import { make, part, put } from "../../../dom.js";
import { PRESENCE } from "../phone_words.js";

const TITLES = { transfer: "Transfer this call", add: "Add somebody to this call" };
const NOBODY = "Nobody matches. Type a whole phone number to call it.";
const REACHABLE = new Set(["available"]);

export class TargetDialog {
  #phone;
  #me;
  #what = "transfer";
  #call = null; // id of the call that the dialog is about

  constructor({ phone, me }) {
    this.#phone = phone;
    this.#me = me;
    part("transfer-open").addEventListener("click", () => this.open("transfer"));
    part("add-open").addEventListener("click", () => this.open("add"));
    part("target-close").addEventListener("click", () => part("target-dialog").close());
    part("target-text").addEventListener("input", () => this.draw());
    part("target-form").addEventListener("submit", (event) => this.#submit(event));
    part("target-list").addEventListener("click", (event) => this.#click(event));
    part("target-dialog").addEventListener("keydown", (event) => this.#key(event));
  }

  /** Ask about the call in hand; `what` is "transfer" or "add". Returns whether there is one. */
  open(what) {
    if (part(`${what}-open`).disabled || !this.#phone.state?.call) return false;
    this.#what = what;
    this.#call = this.#phone.state.call.call;
    put(part("target-title"), TITLES[what]);
    part("target-kind").hidden = what !== "transfer";
    part("target-text").value = "";
    put(part("target-said"), "");
    this.draw();
    part("target-dialog").showModal();
    part("target-text").focus();
    return true;
  }

  draw() {
    if (!this.#call) return;
    if (this.#phone.state?.call?.call !== this.#call) return this.#close();
    const targets = this.#targets();
    const key = JSON.stringify(targets);
    const list = part("target-list");
    put(part("target-none"), targets.length ? "" : NOBODY);
    if (list.dataset.drawn === key) return;
    list.dataset.drawn = key;
    const focused = document.activeElement?.value;
    const hadFocus = list.contains(document.activeElement);
    list.replaceChildren(...targets.map(row));
    if (hadFocus) ([...this.#buttons].find(({ value }) => value === focused) ?? part("target-text")).focus();
  }

  get #buttons() {
    return part("target-list").querySelectorAll("button");
  }

  // People who are free stand above the others.
  #targets() {
    const typed = part("target-text").value.trim();
    const matches = ({ name }) => name.toLowerCase().includes(typed.toLowerCase());
    const { team = [], groups = [] } = this.#phone.state;
    const here = new Set(this.#phone.state.call.parties.map(({ member }) => member));
    const members = team
      .filter((each) => each.member !== this.#me && !here.has(each.member) && matches(each))
      .map(({ member, name, state }) => ({ kind: "member", id: member, name, about: PRESENCE[state] ?? "", isFree: REACHABLE.has(state) }))
      .sort((a, b) => b.isFree - a.isFree || a.name.localeCompare(b.name));
    const isNumber = typed.replace(/\D/g, "").length >= 3 && /^[+\d\s()-]+$/.test(typed);
    const numbers = isNumber ? [{ kind: "number", id: typed, name: typed, about: "Phone number", isFree: true }] : [];
    const found = groups.filter(matches).map(({ id, name, free }) => ({ kind: "group", id, name, about: `Group, ${free} free`, isFree: free > 0 }));
    return [...numbers, ...(this.#what === "transfer" ? found : []), ...members];
  }

  #click(event) {
    const button = event.target.closest("button");
    if (button) this.#choose(button);
  }

  // Enter in the field takes the first that matches.
  #submit(event) {
    event.preventDefault();
    const [first] = this.#buttons;
    if (first) this.#choose(first);
    else part("target-text").focus();
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.type === "radio") return;
    const all = [part("target-text"), ...this.#buttons];
    all[Math.min(all.length - 1, Math.max(0, all.indexOf(document.activeElement) + step))]?.focus();
    event.preventDefault();
  }

  async #choose(button) {
    if (part("target-form").hasAttribute("data-busy")) return;
    part("target-form").setAttribute("data-busy", "");
    const to = { [button.dataset.kind]: button.value };
    const kind = part("target-form").elements.kind.value;
    const { error } = await this.#phone.tell(this.#call, this.#what, this.#what === "transfer" ? { kind, to } : { to });
    part("target-form").removeAttribute("data-busy");
    put(part("target-said"), error);
    if (!error) this.#close();
  }

  #close() {
    this.#call = null;
    part("target-dialog").close();
  }
}

function row({ kind, id, name, about, isFree }) {
  const item = make("li");
  const button = make("button", "target");
  Object.assign(button, { type: "button", value: id });
  button.dataset.kind = kind;
  button.toggleAttribute("data-free", isFree);
  button.append(make("span", "target-name", name), " ", make("span", "target-about", about));
  item.append(button);
  return item;
}
