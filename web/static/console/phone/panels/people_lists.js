// Who asks for help, who waits, and who of the team is where.

import { now } from "../../clock.js";
import { make, makeButton, part, put } from "../../../dom.js";
import { PRESENCE, besideName, history, who } from "../phone_words.js";
import { duration } from "../../wording.js";

const CAN_SWITCH_OFF = new Set(["available", "break", "unreachable"]);
const EVERYBODY = { isFiltered: false, waiting: (rows) => rows, team: (rows) => rows };
const HELP = { asked: "asking for help", acknowledged: "Help is coming" };

export class PeopleLists {
  #phone;
  #onSwitchOff;
  #onListen;
  #seen;
  #times = []; // [element, since]

  /** `onSwitchOff(member)` makes a member offline, and returns what commands do; `onListen(call_sid)` listens to a call, likewise. Both are null where the member may not. `seen()` says which rows are shown: wall_tools.js's `people`. */
  constructor({ phone, onSwitchOff = null, onListen = null, seen = () => EVERYBODY }) {
    this.#seen = seen;
    this.#phone = phone;
    this.#onListen = onListen;
    this.#onSwitchOff = onSwitchOff;
  }

  draw() {
    const { waiting: all = [], waiting_total: total = all.length, team: everybody = [], help = [] } = this.#phone.state ?? {};
    const seen = this.#seen();
    const [waiting, team] = [seen.waiting(all), seen.team(everybody)];
    part("help-asked").hidden = help.length === 0;
    const canPick = !this.#phone.state?.call && this.#phone.line.phase === "ready";
    for (const [list, rows] of [["waiting", all], ["team", everybody]]) part(`${list}-order`)?.toggleAttribute("hidden", rows.length < 2);
    const atLeast = total > all.length ? "+" : ""; // the server lists the first only
    put(part("waiting-count"), total ? (seen.isFiltered ? `${waiting.length}${atLeast} of ${total}` : String(total)) : "");
    const isKnown = this.#phone.state !== null; // else nobody may be said to be missing
    part("waiting-none").hidden = waiting.length > 0 || !isKnown;
    put(part("waiting-none"), total ? "No waiting caller matches." : "Nobody is waiting.");
    const free = `${team.filter(({ state }) => state === "available").length} free`;
    put(part("team-count"), everybody.length ? (seen.isFiltered ? `${team.length} of ${everybody.length}, ${free}` : free) : "");
    part("team-none").hidden = team.length > 0 || !isKnown;
    put(part("team-none"), everybody.length ? "Nobody in the team matches." : "No colleagues yet.");
    const drawn = [
      this.#fill("help-list", help, () => help.map((each) => this.#helpRow(each))),
      this.#fill("waiting-list", [waiting, canPick], () => waiting.map((each) => this.#waitingRow(each, canPick))),
      this.#fill("team-list", team, () => team.map((each) => this.#teamRow(each))),
    ];
    if (drawn.some(Boolean)) this.#times = [...document.querySelectorAll("#phone .people [data-since]")];
    this.tick();
  }

  tick() {
    for (const each of this.#times) put(each, duration(now() - Number(each.dataset.since)));
  }

  // Rows are made again when what they say has changed; the focus stays with the same call.
  #fill(id, what, make) {
    const list = part(id);
    const key = JSON.stringify(what);
    if (list.dataset.drawn === key) return false;
    list.dataset.drawn = key;
    const focused = list.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    list.replaceChildren(...make());
    if (focused) ([...list.querySelectorAll("[data-of]")].find(({ dataset }) => dataset.of === focused) ?? part("main")).focus();
    return true;
  }

  #helpRow({ call, call_sid: sid, name, state, since }) {
    const item = make("li", "help-row");
    item.dataset.help = state;
    item.append(make("span", "team-name", name), make("span", "team-state", HELP[state] ?? ""), since ? elapsed(since) : "");
    if (this.#onListen && sid) {
      const listen = makeButton("Listen", () => this.#tell("help-asked-said", this.#onListen(sid)));
      listen.className += " help-listen";
      listen.append(make("span", "visually-hidden", ` to ${name}`));
      item.append(listen);
    }
    if (state !== "asked") return item;
    const come = makeButton("I am coming", () => this.#tell("help-asked-said", this.#phone.tell(call, "help/acknowledge")));
    come.dataset.of = call;
    come.append(make("span", "visually-hidden", ` to ${name}`));
    item.append(come);
    return item;
  }

  #waitingRow({ call, caller, line, since }, canPick) {
    const item = make("li", "waiting-row");
    const title = make("p", "waiting-who");
    title.append(make("strong", "", who(caller)), " ", elapsed(since));
    const take = makeButton("Take", () => this.#tell("waiting-said", this.#phone.join(call, "pick")));
    take.dataset.of = call;
    take.disabled = !canPick;
    take.append(make("span", "visually-hidden", ` ${who(caller)}`));
    item.append(title, take, make("p", "waiting-about", [besideName(caller), line, history(caller)].filter(Boolean).join(" · ")));
    return item;
  }

  #teamRow(member) {
    const item = teamRow(member);
    if (!this.#onSwitchOff || !CAN_SWITCH_OFF.has(member.state)) return item;
    const off = makeButton("Switch off", () => this.#tell("team-said", this.#onSwitchOff(member.member)));
    off.dataset.of = member.member;
    off.append(make("span", "visually-hidden", ` ${member.name}, who will then not be rung`));
    item.append(off);
    return item;
  }

  async #tell(place, asked) {
    const { error } = await asked;
    put(part(place), error);
  }
}

function teamRow({ name, state, since }) {
  const item = make("li", "team-row");
  item.dataset.presence = state;
  item.append(make("span", "team-name", name), make("span", "team-state", PRESENCE[state] ?? ""), " ", elapsed(since));
  return item;
}

function elapsed(since) {
  const time = make("span", "elapsed");
  time.dataset.since = since;
  return time;
}
