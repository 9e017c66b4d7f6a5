// Decides which tab of this browser holds the phone: the one with the Web Lock. The others talk to it by BroadcastChannel.
//
// A lock has a second use: browsers do not freeze or discard a tab that holds one, so its heartbeat goes on in the background.

const ANSWER_MS = 10_000; // for the leader to do what another tab asks for

export class LeadingTab {
  isLeader = false;
  #options;
  #channel;
  #asked = new Map(); // id of a question → how to answer it
  #count = 0;
  #tab = `${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;

  /**
   * `options`: {member, onLead(), onHello(), onNews(news), onAsk(question) → a promise of the answer}. `onLead` runs once, when this tab becomes the
   * leader; `onHello` when another tab opens, and `onAsk` answers one, as the leader; `onNews` hears what the leader tells. `member` keeps
   * people apart who use one browser.
   */
  constructor(options) {
    this.#options = options;
    this.#channel = new BroadcastChannel(`bilby.phone.${options.member}`);
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
  }

  /** Take the lead as soon as nobody else has it. */
  start() {
    if (!navigator.locks) return this.#lead(); // an insecure page: it has no microphone either
    const name = `bilby.phone.${this.#options.member}`;
    navigator.locks.request(name, () => {
      this.#lead();
      return new Promise(() => {}); // until the tab goes
    });
    this.#channel.postMessage({ kind: "hello" });
  }

  /** Tell the other tabs, as the leader. */
  tell(news) {
    this.#channel.postMessage({ kind: "news", news });
  }

  /** Ask the leader. Returns a promise of its answer; null if it gives none in time. */
  ask(question, answerMs = ANSWER_MS) {
    const id = `${this.#tab}.${(this.#count += 1)}`;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#channel.postMessage({ kind: "ask", id, question });
      setTimeout(() => this.#settle(id, null), answerMs);
    });
  }

  #lead() {
    this.isLeader = true;
    for (const id of [...this.#asked.keys()]) this.#settle(id, null); // whoever was asked has gone
    this.#options.onLead();
  }

  async #hear({ kind, id, news, question, answer }) {
    if (kind === "answer") this.#settle(id, answer);
    if (kind === "news" && !this.isLeader) this.#options.onNews(news);
    if (kind === "hello" && this.isLeader) this.#options.onHello();
    if (kind === "ask" && this.isLeader) this.#channel.postMessage({ kind: "answer", id, answer: await this.#options.onAsk(question) });
  }

  #settle(id, answer) {
    this.#asked.get(id)?.(answer);
    this.#asked.delete(id);
  }
}
