// What the organisation's phrase rules noticed in the call being read: help cards, and the sentences that must be said.

import { make, part } from "../../dom.js";
import { SPEAKERS, duration } from "../wording.js";

const MOST_SHOWN = 5; // the newest; more would hide the words

export class PhrasesPanel {
  #mustSay;
  #shown = "";

  /** `mustSay`: the rules that must be said, {id, name}, as of when the page was opened. */
  constructor(mustSay) {
    this.#mustSay = mustSay;
  }

  /** Draw what was noticed in `call`; null: nothing is read. */
  show(call) {
    const noticed = call?.phrases ?? [];
    const key = call ? `${call.id} ${noticed.length} ${call.state === "stopped"}` : "";
    if (key === this.#shown) return;
    this.#shown = key;
    const said = noticed.filter((phrase) => phrase.must_say);
    const alerts = noticed.filter((phrase) => !phrase.must_say).slice(-MOST_SHOWN).reverse();
    const checks = call && call.state !== "stopped" ? this.#checks(said) : [];
    part("must-say-list").replaceChildren(...checks);
    part("phrase-cards").replaceChildren(...alerts.map(card));
    part("must-say-list").hidden = !checks.length;
    part("phrase-cards").hidden = !alerts.length;
    part("phrases").hidden = !checks.length && !alerts.length;
  }

  // Also one that was added since the page was opened, once it was said.
  #checks(said) {
    const names = new Map(this.#mustSay.map(({ id, name }) => [id, name]));
    for (const { rule, name } of said) names.set(rule, name);
    return [...names].map(([id, name]) => {
      const at = said.find(({ rule }) => rule === id)?.at_ms ?? null;
      const item = make("li", "must-say", name);
      item.dataset.said = at === null ? "no" : "yes";
      item.append(" ", make("span", "said-at", at === null ? "not said yet" : `said at ${duration(at)}`));
      return item;
    });
  }
}

function card({ name, speaker, at_ms: at, card: text, priority }) {
  const item = make("li", "phrase-card");
  item.dataset.priority = String(priority);
  const head = make("p", "phrase-head");
  head.append(make("strong", "", name), " ", make("span", "said-at", `${SPEAKERS[speaker]}, ${duration(at)}`));
  item.append(head);
  if (text) item.append(make("p", "phrase-text", text));
  return item;
}
