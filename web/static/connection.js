// Keeps one socket to the process that hears: ticket, socket, snapshot; and all of it again whenever it breaks.

import { askForTicket } from "./ticket.js";

const SNAPSHOT_MS = 10_000; // from opening the socket to the first event
const RIGHTS_CHANGED = 4401; // media's: the ticket is good no more
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
const BARRED_MS = 15_000; // between looks whether the console is open again

/** How long to wait before try number `tries` (from 0): doubling, with jitter so that consoles do not return in step. */
export function waitBefore(tries, random = Math.random) {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
  return longest * (0.5 + random() / 2);
}

/** How long until the next look at a console that is closed because money is missing. */
export function barredFor(random = Math.random) {
  return BARRED_MS * (0.75 + random() / 2);
}

export class Connection {
  #options;
  #socket = null;
  #timer = null;
  #tries = 0;
  #attempt = 0; // counts connects: answers to an abandoned one are ignored
  #status = "closed";

  /**
   * `options`: {csrfToken, onEvent(event), onStatus(status, waitMs), onServerTime(ms since 1970), onTrouble(trouble)}.
   * Statuses: "connecting", "open" (a snapshot has come), "waiting" (for the next try), "barred" (money is missing: the console is
   * closed, and asked for again now and then), "signed-out", "closed". `trouble` is told before each "open" and "barred"; null: none.
   */
  constructor(options) {
    this.#options = options;
    addEventListener("online", () => this.#status !== "closed" && this.renew());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && (this.#status === "waiting" || this.#status === "barred")) this.renew();
    });
  }

  /** Connect, or connect anew when the socket may be dead without knowing it (the machine slept, the network changed). */
  renew() {
    this.#tries = 0;
    this.#connect();
  }

  close() {
    this.#abandon();
    this.#become("closed");
  }

  async #connect() {
    const barred = this.#status === "barred"; // nobody needs to see each look
    this.#abandon();
    const attempt = this.#attempt;
    if (!barred) this.#become("connecting");
    const answer = await askForTicket(this.#options.csrfToken);
    if (attempt !== this.#attempt) return;
    if (!Number.isNaN(answer.saidAt)) this.#options.onServerTime(answer.saidAt);
    if (answer.trouble !== undefined) this.#options.onTrouble(answer.trouble);
    if (answer.kind === "signed-out") this.#become("signed-out");
    else if (answer.kind === "barred" || (answer.kind === "away" && barred)) this.#bar();
    else if (answer.kind === "ticket") this.#open(answer, attempt);
    else this.#wait();
  }

  #open({ ticket, url }, attempt) {
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#wait(), SNAPSHOT_MS);
    const mine = () => attempt === this.#attempt;
    socket.addEventListener("open", () => mine() && socket.send(JSON.stringify({ ticket })));
    socket.addEventListener("message", ({ data }) => mine() && this.#hear(data));
    socket.addEventListener("close", ({ code }) => mine() && this.#lose(code));
  }

  #hear(text) {
    const event = parsed(text);
    if (!event) return this.#wait();
    if (event.type === "snapshot") {
      clearTimeout(this.#timer);
      this.#tries = 0;
      this.#become("open");
    }
    this.#options.onEvent(event);
  }

  // Rights that have changed are no lost connection: a new ticket says at once what they are now.
  #lose(code) {
    if (code === RIGHTS_CHANGED && this.#status === "open") this.#connect();
    else this.#wait();
  }

  #bar() {
    this.#timer = setTimeout(() => this.#connect(), barredFor());
    this.#become("barred");
  }

  #wait() {
    this.#abandon();
    const wait = waitBefore(this.#tries);
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become("waiting", wait);
  }

  #abandon() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = null;
  }

  #become(status, wait = 0) {
    this.#status = status;
    this.#options.onStatus(status, wait);
  }
}

// The parser's own complaint quotes the text, which may be somebody's words: it must not reach the browser's console.
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
