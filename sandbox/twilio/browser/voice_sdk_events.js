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

  eventNames() {
    return [...this.#listeners.keys()].filter((event) => this.listenerCount(event) > 0);
  }

  emit(event, ...args) {
    const listeners = this.listeners(event);
    if (event === "error" && !listeners.length) queueMicrotask(() => { throw args[0]; }); // as Node's does
    for (const listener of listeners) listener.apply(this, args);
    return listeners.length > 0;
  }
}

// By code, as in the SDK's lib/twilio/errors/generated.ts: name and description.
const ERRORS = {
  20101: ["AccessTokenInvalid", "Invalid access token"],
  20104: ["AccessTokenExpired", "Access token expired or expiration date invalid"],
  20151: ["AuthenticationFailed", "Authentication Failed"],
  31000: ["UnknownError", "An unknown error has occurred"],
  31002: ["ConnectionDeclinedError", "The connection was declined by Twilio"],
  31008: ["CallCancelledError", "Call cancelled"],
  31005: ["ConnectionError", "A connection error occurred during the call"],
  31009: ["TransportError", "No transport available to send or receive messages"],
  31105: ["InvalidClientNameError", "Invalid client name"],
  31202: ["AccessTokenSignatureValidationFailed", "Signature validation failed."],
  31203: ["NoValidAccountError", "No valid account"],
  31206: ["RateExceededError", "Rate exceeded authorized limit"],
  31207: ["JWTTokenExpirationTooLongError", "JWT token expiration too long"],
  31401: ["PermissionDeniedError", "UserMedia Permission Denied Error"],
  31402: ["AcquisitionFailedError", "UserMedia Acquisition Failed Error"],
  31404: ["NotFound", "Not Found"],
  31480: ["TemporarilyUnavailable", "Temporarily Unavailable"],
  31486: ["BusyHere", "Busy Here"],
  31603: ["Decline", "Decline"],
  53000: ["ConnectionError", "Signaling connection error"],
  53001: ["ConnectionDisconnected", "Signaling connection disconnected"],
};
const TOKEN_ERRORS = { 31201: 20151, 31204: 20101, 31205: 20104 }; // device.ts, _onSignalingError: whatever the options
// errors/index.ts: known by these names only with `enableImprovedSignalingErrorPrecision`.
const PRECISE = new Set([
  31001, 31002, 31003, 31101, 31102, 31103, 31104, 31105, 31107, 31201, 31202, 31203, 31204, 31205, 31207,
  31404, 31480, 31486, 31603,
]);

class TwilioError extends Error {
  constructor(code, explanation = "") {
    const [name, description] = ERRORS[code] ?? ["UnknownError", "An unknown error has occurred"];
    super(`${name} (${code}): ${explanation || description}`);
    Object.assign(this, { name, code, description, explanation, causes: [], solutions: [] });
  }
}

/** Return the error that the SDK makes of what its gateway said with `code`; `otherwise` is the code of any other. */
function errorOf(code, text, isPrecise, otherwise) {
  if (ERRORS[code] && (isPrecise || !PRECISE.has(code))) return new TwilioError(code, text);
  return new TwilioError(otherwise, text);
}

class InvalidStateError extends Error {
  name = "InvalidStateError";
}

class NotSupportedError extends Error {
  name = "NotSupportedError";
}

class InvalidArgumentError extends Error {
  name = "InvalidArgumentError";
}
