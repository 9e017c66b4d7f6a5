// One console's socket: shows its ticket, hands on what it hears, and ends by itself when it hears nothing any more.

import { Heartbeat } from "./heartbeat.js";

const SNAPSHOT_MS = 10_000; // from opening the socket to the first event

// In place of a close code: the other side fell silent, or talked nonsense.
const SILENT = 0;

export class ConsoleSocket {
  #socket;
  #heartbeat = new Heartbeat();
  #timer;
  #onEvent;
  #onEnd;

  /** `onEvent(event)` for each event of the contract, `onEnd(code)` once, unless the socket was abandoned before. */
  constructor({ ticket, url }, { onEvent, onEnd }) {
    this.#onEvent = onEvent;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => this.#end(SILENT), SNAPSHOT_MS);
    this.#socket = new WebSocket(url);
    this.#socket.addEventListener("open", () => this.#socket?.send(JSON.stringify({ ticket })));
    this.#socket.addEventListener("message", ({ data }) => this.#hear(data));
    this.#socket.addEventListener("close", ({ code }) => this.#end(code));
  }

  /** End if nothing was heard for too long. */
  check() {
    if (this.#heartbeat.isSilent) this.#end(SILENT);
  }

  /** Close, and say nothing more. */
  abandon() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  // What was waiting on this side while the machine slept proves nothing of now.
  #hear(text) {
    if (!this.#socket) return;
    const event = this.#heartbeat.isSilent ? null : parsed(text);
    if (!event) return this.#end(SILENT);
    this.#heartbeat.heard();
    clearTimeout(this.#timer);
    this.#onEvent(event);
  }

  #end(code) {
    if (!this.#socket) return;
    this.abandon();
    this.#onEnd(code);
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
