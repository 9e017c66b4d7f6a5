// Part of the emulated @twilio/voice-sdk (see voice_sdk.js): what its classes have in common.

/** Node's EventEmitter, as far as applications use it. */
class EventEmitter {
  #listeners = new Map();

  on(event, listener) {
    this.#listeners.set(event, [...this.listeners(event), listener]);
    return this;
  }

  once(event, listener) {
    const wrapper = (...args) => {
      this.off(event, wrapper);
      listener.apply(this, args);
    };
    wrapper.listener = listener;
    return this.on(event, wrapper);
  }

  off(event, listener) {
    const kept = this.listeners(event).filter((known) => known !== listener && known.listener !== listener);
    this.#listeners.set(event, kept);
    return this;
  }

  addListener(event, listener) {
    return this.on(event, listener);
  }

  removeListener(event, listener) {
    return this.off(event, listener);
  }

  removeAllListeners(event) {
    if (event === undefined) this.#listeners.clear();
    else this.#listeners.delete(event);
    return this;
  }

  listeners(event) {
    return this.#listeners.get(event) ?? [];
  }

  listenerCount(event) {
    return this.listeners(event).length;
  }

  emit(event, ...args) {
    const listeners = this.listeners(event);
    if (event === "error" && !listeners.length) queueMicrotask(() => { throw args[0]; }); // as Node's does
    for (const listener of listeners) listener.apply(this, args);
    return listeners.length > 0;
  }
}

const ERRORS = {
  20101: ["AccessTokenInvalid", "Twilio was unable to validate your Access Token"],
  20104: ["AccessTokenExpired", "The Access Token provided to the Twilio API has expired"],
  31002: ["ConnectionDeclinedError", "The connection was declined by Twilio"],
  31005: ["ConnectionError", "A connection error occurred during the call"],
  31207: ["JWTTokenExpirationTooLongError", "The expiration of the Access Token is too far in the future"],
  53000: ["ConnectionError", "Raised whenever a signaling connection error occurs"],
};

class TwilioError extends Error {
  constructor(code, explanation = "") {
    const [name, description] = ERRORS[code] ?? ["UnknownError", "An unknown error has occurred"];
    super(`${name} (${code}): ${explanation || description}`);
    Object.assign(this, { name, code, description, explanation, causes: [], solutions: [] });
  }
}

class InvalidStateError extends Error {
  name = "InvalidStateError";
}

class InvalidArgumentError extends Error {
  name = "InvalidArgumentError";
}
