// The member's own state: what they chose, what is true of it, and why calls do not ring although they should.

import { now } from "../../clock.js";
import { make, part, put } from "../../../dom.js";
import { PRESENCE, unreachableWords } from "../phone_words.js";
import { duration } from "../../wording.js";

const CHOICES = ["available", "break", "offline"];
const STATUS = { loading: "The phone is starting.", offline: "The phone is reconnecting.", ready: "", failed: "", off: "" };
const NOT_KNOWN = "Connecting to Bilby.";
const STALE = "Not up to date: Bilby does not answer. The page keeps trying.";
const ELSEWHERE = "Your phone is on another computer.";

export class PresenceControl {
  #phone;
  #drawn = ""; // the choices as drawn
  #isChoosing = false;

  /** `phone` is shared_phone.js's. */
  constructor({ phone }) {
    this.#phone = phone;
    part("presence").addEventListener("change", () => this.#choose());
    part("phone-retry").addEventListener("click", () => phone.restart());
    part("take-over").addEventListener("click", () => this.#takeOver());
  }

  /** Whether calls are wanted, as far as is known. */
  get isAvailable() {
    const { presence } = this.#phone.state ?? {};
    return presence ? chosen(presence) === "available" : false;
  }

  focus() {
    part("presence").focus();
  }

  draw() {
    const { state, line } = this.#phone;
    this.#drawChoices(state?.breaks ?? []);
    const select = part("presence");
    select.disabled = !state;
    if (state && !this.#isChoosing) select.value = optionOf(state.presence);
    const shown = state?.presence.state ?? "";
    part("presence-state").dataset.presence = shown;
    put(part("presence-state"), shown === "available" || shown === "offline" ? "" : (PRESENCE[shown] ?? ""));
    part("presence-state").toggleAttribute("data-switched-off", Boolean(state?.presence.by));
    put(part("phone-status"), this.#status());
    part("phone-retry").hidden = line.phase !== "failed";
    part("take-over").hidden = !line.isElsewhere;
    this.tick();
  }

  tick() {
    const presence = this.#phone.state?.presence;
    const left = presence?.state === "wrap_up" && presence.until ? presence.until - now() : null;
    put(part("presence-time"), presence && this.#phone.isFresh ? duration(left ?? now() - presence.since) : "");
  }

  #status() {
    const { state, line, isFresh, devices } = this.#phone;
    if (!state) return NOT_KNOWN;
    if (!isFresh) return STALE;
    if (line.isElsewhere) return ELSEWHERE;
    if (state.presence.by) return `${state.presence.by} switched you off. Choose “Available” to be rung again.`;
    if (state.presence.state === "unreachable") return line.problem || unreachableWords(line, devices.isAllowed);
    return line.problem || (STATUS[line.phase] ?? "");
  }

  async #choose() {
    const [state, reason = null] = part("presence").value.split(":");
    this.#isChoosing = true;
    const { error } = await this.#phone.choosePresence(state, reason);
    this.#isChoosing = false;
    put(part("presence-said"), error);
    this.draw();
  }

  async #takeOver() {
    const { error } = await this.#phone.takeOver();
    put(part("presence-said"), error);
  }

  #drawChoices(breaks) {
    const key = JSON.stringify(breaks);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const named = breaks.map(({ id, label }) => [`break:${id}`, `Break: ${label}`]);
    const all = [["available", PRESENCE.available], ...(named.length ? named : [["break", "Break"]]), ["offline", PRESENCE.offline]];
    const options = all.map(([value, words]) => Object.assign(make("option", "", words), { value }));
    part("presence").replaceChildren(...options);
  }
}

// What the member chose: what is true says it, too, but during a call.
function chosen(presence) {
  return presence.chosen ?? (CHOICES.includes(presence.state) ? presence.state : "available");
}

function optionOf(presence) {
  const choice = chosen(presence);
  if (choice !== "break") return choice;
  const id = presence.reason_id;
  return id ? `break:${id}` : ([...part("presence").options].find(({ text }) => text.endsWith(`: ${presence.reason}`))?.value ?? "break");
}
