// One console's WebSocket: sends its ticket and what it follows, passes events on, and closes itself when nothing arrives any more.

import { SilenceWatch } from "./silence.js";

const SNAPSHOT_MS = 10_000; // from opening the socket to the first event

// In place of a close code: a timeout, or an invalid message.
const SILENT = 0;

export class ConsoleSocket {
  #socket;
  #silence = new SilenceWatch();
  #timer;
  #onEvent;
  #onEnd;
  #subscribed = null; // what media was told last, as JSON

  /**
   * `subscription` is what the page follows, null for everything. `onEvent(event)` for each event of the contract, `onEnd(code)` once, unless
   * the socket was abandoned before.
   */
  constructor({ ticket, url }, subscription, { onEvent, onEnd }) {
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => this.#end(SILENT), SNAPSHOT_MS);
    this.#socket = new WebSocket(url);
    const hello = subscription ? { ticket, subscribe: subscription } : { ticket };
    this.#subscribed = JSON.stringify(subscription);
    this.#socket.addEventListener("open", () => this.#socket?.send(JSON.stringify(hello)));
    this.#socket.addEventListener("message", ({ data }) => this.#hear(data));
    this.#socket.addEventListener("close", ({ code }) => this.#end(code));
  }

  /** Close if nothing was received for too long. */
  check() {
    if (this.#silence.isSilent) this.#end(SILENT);
  }

  /** Send `message`, if the socket is open. */
  send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Follow what `subscription` says, unless media knows. */
  follow(subscription) {
    const said = JSON.stringify(subscription);
    if (said === this.#subscribed) return;
    this.#subscribed = said;
    this.send({ subscribe: subscription });
  }

  /** Close without calling back. */
  abandon() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // Messages buffered while the computer slept do not prove that the connection is alive.
  #hear(text) {
    if (!this.#socket) return;
    const event = this.#silence.isSilent ? null : parsed(text);
    if (!event) return this.#end(SILENT);
    this.#silence.heard();
    clearTimeout(this.#timer);
    this.#onEvent(event);
  }

  #end(code) {
    if (!this.#socket) return;
    this.abandon();
    this.#onEnd(code);
  }
}

// JSON.parse quotes the text in its error, which may be a transcript: it must not reach the browser's console.
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
