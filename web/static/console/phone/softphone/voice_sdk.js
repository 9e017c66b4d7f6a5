// Loads Twilio's Voice SDK, and says where the phone's own sounds are.

const SDK_MS = 15_000; // for the script to load
const NAMES = ["incoming", "outgoing", "disconnect", ...[..."0123456789sh"].map((key) => `dtmf${key}`)];

/**
 * The SDK's `sounds`: every name it has. Without them it fetches Twilio's from a host that our policy does not allow, is silent,
 * and announces each incoming call 2 s late.
 */
export const sounds = Object.fromEntries(NAMES.map((name) => [name, urlOf(name)]));

/** What is heard while the other side's phone rings. */
export const ringback = urlOf("ringback");

/** Return the SDK's `Device`. `sdk`: {url, integrity}, the hash that the script must have, or "" for one on loopback. */
export function loadDevice(sdk) {
  if (globalThis.Twilio?.Device) return Promise.resolve(globalThis.Twilio.Device);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script"); // a plain one, which leaves `Twilio` behind
    const settle = () => {
      if (globalThis.Twilio?.Device) return resolve(globalThis.Twilio.Device);
      script.remove();
      reject(new Error("the Voice SDK did not load"));
    };
    script.addEventListener("load", settle);
    script.addEventListener("error", settle);
    setTimeout(settle, SDK_MS);
    if (sdk.integrity) Object.assign(script, { integrity: sdk.integrity, crossOrigin: "anonymous" });
    script.src = sdk.url;
    document.head.append(script);
  });
}

function urlOf(name) {
  return new URL(`../../../sounds/${name}.wav`, import.meta.url).href;
}
