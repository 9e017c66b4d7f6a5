// Keeps a console open: ticket, socket, snapshot; and all of it again whenever it breaks, or before it ends.

import { ConsoleSocket } from "./console_socket.js";
import { everyTick } from "./silence.js";
import { askForTicket } from "./ticket.js";

const ENDED = 4401; // media's: the ticket is no longer valid, after ten minutes or a change of rights
const TOO_MANY = 4429; // media's: this member has newer consoles, as many as they may
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
const BARRED_MS = 15_000; // between checks whether the console is open again
const RELIEF_MS = 8 * 60_000; // media ends a console after ten minutes: the next one is there before
const GRACE_MS = 3_000; // for the next socket, after one that media ended, before the page says that words are not live
const MOST_RENEWALS = 5; // of those in a minute: whoever is ended at once each time has to wait like the others

const ONLY_WHEN_TOLD = new Set(["crowded", "signed-out", "closed"]);

/** How long to wait before try number `tries` (from 0): doubling, with jitter so that consoles do not return in step. */
export function waitBefore(tries, random = Math.random) {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
  return longest * (0.5 + random() / 2);
}

/** How long until the next check of a console that is closed for lack of payment. */
export function barredFor(random = Math.random) {
  return BARRED_MS * (0.75 + random() / 2);
}

/** How long a socket serves before the next one relieves it. */
export function reliefAfter(random = Math.random) {
  return RELIEF_MS * (0.75 + random() / 4);
}

export class Connection {
  #options;
  #live = null; // the socket whose words are shown
  #next = null; // one that is to take its place
  #due = null; // {at, action, timer}: what happens next by itself
  #grace = null;
  #tries = 0;
  #attempt = 0; // counts connects: answers to an abandoned one are ignored
  #renewals = []; // when media ended a socket lately
  #subscription = null; // what the page follows; null for everything
  #status = "closed";

  /**
   * `options`: {onEvent(event), onStatus(status, waitMs), onAnswer(answer)}; an answer is ticket.js's.
   * Statuses: "connecting", "open" (what is shown is live), "waiting" (for the next try), "barred" (money is missing: the console is
   * closed, and asked for again now and then), "crowded" (open in too many tabs: until `renew`), "signed-out", "closed".
   */
  constructor(options) {
    this.#options = options;
    addEventListener("online", () => ONLY_WHEN_TOLD.has(this.#status) || this.renew());
    addEventListener("offline", () => this.#isTrying && this.#wait());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && (this.#status === "waiting" || this.#status === "barred")) this.renew();
    });
    everyTick(() => this.#check());
  }

  /** Connect, or relieve the socket there is: the network may have changed. */
  renew() {
    this.#tries = 0;
    this.#connect();
  }

  /** Send `message` on the socket whose words are shown; without one, it is lost. */
  send(message) {
    this.#live?.send(message);
  }

  /** Follow what `subscription` says from now on: {rows, calls}. Every later socket begins with it. */
  follow(subscription) {
    this.#subscription = subscription;
    this.#live?.follow(subscription);
  }

  /** The sign-in has ended: nothing more is heard, until `renew`. */
  signOut() {
    this.#stop();
    this.#become("signed-out");
  }

  close() {
    this.#stop();
    this.#become("closed");
  }

  get #isTrying() {
    return this.#status === "open" || this.#status === "connecting";
  }

  // Timers may be late where nobody looks; the clock tells.
  #check() {
    this.#live?.check();
    this.#next?.check();
    if (this.#due && Date.now() > this.#due.at) this.#due.action();
  }

  async #connect() {
    this.#dropNext();
    const attempt = this.#attempt;
    const barred = this.#status === "barred"; // do not show each check
    if (!barred && !this.#live && !this.#grace) this.#become("connecting");
    const answer = await askForTicket();
    if (attempt !== this.#attempt) return;
    this.#options.onAnswer(answer);
    if (attempt !== this.#attempt) return; // what it said was reason to stop
    if (answer.kind === "signed-out") this.signOut();
    else if (answer.kind === "barred" || (answer.kind === "away" && barred)) this.#bar();
    else if (answer.kind === "ticket") this.#open(answer);
    else this.#fail();
  }

  #open(answer) {
    const socket = new ConsoleSocket(answer, this.#subscription, {
      onEvent: (event) => this.#hear(socket, event),
      onEnd: (code) => (socket === this.#live ? this.#lose(code) : this.#fail()),
    });
    this.#next = socket;
  }

  #hear(socket, event) {
    if (event.type === "snapshot" && socket === this.#next) this.#adopt(socket);
    if (socket === this.#live) this.#options.onEvent(event);
  }

  #adopt(socket) {
    this.#live?.abandon();
    [this.#live, this.#next] = [socket, null];
    if (this.#subscription) socket.follow(this.#subscription); // it may have changed since its first message
    this.#tries = 0;
    this.#endGrace();
    this.#later(reliefAfter(), () => this.#connect());
    this.#become("open");
  }

  #lose(code) {
    this.#live = null;
    if (code === TOO_MANY) return this.#giveWay();
    if (code !== ENDED || !this.#mayRenew()) return this.#wait();
    this.#grace = setTimeout(() => {
      this.#grace = null;
      this.#become("connecting");
    }, GRACE_MS);
    this.#connect();
  }

  // If this page reconnected by itself, it would close another tab's console, which would reconnect and close this one.
  #giveWay() {
    this.#stop();
    this.#become("crowded");
  }

  #mayRenew() {
    const now = Date.now();
    this.#renewals = [...this.#renewals.filter((at) => now - at < 60_000), now];
    return this.#renewals.length <= MOST_RENEWALS;
  }

  // Not shown while the old socket works.
  #fail() {
    if (!this.#live) return this.#wait();
    this.#dropNext();
    this.#later(this.#nextWait(), () => this.#connect());
  }

  #wait() {
    const wait = this.#nextWait();
    this.#stop();
    this.#later(wait, () => this.#connect());
    this.#become("waiting", wait);
  }

  #nextWait() {
    this.#tries += 1;
    return waitBefore(this.#tries - 1);
  }

  #bar() {
    this.#stop();
    this.#later(barredFor(), () => this.#connect());
    this.#become("barred");
  }

  #later(ms, action) {
    this.#forgetDue();
    const act = () => {
      this.#forgetDue();
      action();
    };
    this.#due = { at: Date.now() + ms, action: act, timer: setTimeout(act, ms) };
  }

  #forgetDue() {
    clearTimeout(this.#due?.timer);
    this.#due = null;
  }

  #endGrace() {
    clearTimeout(this.#grace);
    this.#grace = null;
  }

  #dropNext() {
    this.#attempt += 1;
    this.#forgetDue();
    this.#next?.abandon();
    this.#next = null;
  }

  #stop() {
    this.#dropNext();
    this.#endGrace();
    this.#live?.abandon();
    this.#live = null;
  }

  #become(status, wait = 0) {
    this.#status = status;
    this.#options.onStatus(status, wait);
  }
}
