// Keeps one socket to the process that hears: ticket, socket, snapshot; and all of it again whenever it breaks.

const TICKET_MS = 10_000; // for the ticket to be given
const SNAPSHOT_MS = 10_000; // from opening the socket to the first event
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/** How long to wait before try number `tries` (from 0): doubling, with jitter so that consoles do not return in step. */
export function waitBefore(tries, random = Math.random) {
  const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries);
  return longest * (0.5 + random() / 2);
}

export class Connection {
  #options;
  #socket = null;
  #timer = null;
  #tries = 0;
  #attempt = 0; // counts connects: answers to an abandoned one are ignored
  #status = "closed";

  /**
   * `options`: {csrfToken, onEvent(event), onStatus(status, waitMs), onServerTime(ms since 1970)}.
   * Statuses: "connecting", "open" (a snapshot has come), "waiting" (for the next try), "signed-out", "closed".
   */
  constructor(options) {
    this.#options = options;
    addEventListener("online", () => this.#status !== "closed" && this.renew());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#status === "waiting") this.renew();
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
    this.#abandon();
    const attempt = this.#attempt;
    this.#become("connecting");
    let ticket;
    try {
      ticket = await this.#ticket();
    } catch {
      ticket = null;
    }
    if (attempt !== this.#attempt) return;
    if (ticket === "signed-out") this.#become("signed-out");
    else if (ticket) this.#open(ticket, attempt);
    else this.#wait();
  }

  async #ticket() {
    const answer = await fetch("/console/ticket", {
      method: "POST",
      headers: { "X-CSRF-Token": this.#options.csrfToken },
      redirect: "error",
      cache: "no-store",
      signal: AbortSignal.timeout(TICKET_MS),
    });
    const said = Date.parse(answer.headers.get("Date") ?? "");
    if (!Number.isNaN(said)) this.#options.onServerTime(said);
    if (answer.status === 401 || answer.status === 403) return "signed-out";
    return answer.ok ? answer.json() : null;
  }

  #open({ ticket, url }, attempt) {
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#wait(), SNAPSHOT_MS);
    const mine = () => attempt === this.#attempt;
    socket.addEventListener("open", () => mine() && socket.send(JSON.stringify({ ticket })));
    socket.addEventListener("message", ({ data }) => mine() && this.#hear(data));
    socket.addEventListener("close", () => mine() && this.#wait());
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
