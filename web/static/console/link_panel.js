// The state of the connection: a word in the top bar, and a notice while the words on screen are not live.

import { make, makeButton, part, put } from "../dom.js";
import { titleSays } from "./title.js";

const LABELS = {
  open: "Connected",
  connecting: "Connecting",
  waiting: "Reconnecting",
  barred: "Words are off",
  crowded: "Open elsewhere",
  "signed-out": "Signed out",
  closed: "",
};
const NOT_LIVE = "Not live";
const LOST = "Connection lost. What you see is not live.";
const CROWDED = "You have this page open in too many tabs. What you see here is not live.";
const SIGNED_OUT = "You are signed out. The words were removed from this page.";
const EXPIRED = "Your sign-in has ended. What you see is not live. Sign in again in another tab, and this page continues automatically.";

export class LinkPanel {
  #onRetry;
  #paymentNotice = null;
  #wasOpen = false;

  /** `onRetry()` runs when the reader does not want to wait for the next try. */
  constructor({ onRetry }) {
    this.#onRetry = onRetry;
  }

  /** Statuses are connection.js's; `waitMs` is how long until the next try; `kept` says that words stay though signed out. */
  show(status, waitMs, kept) {
    put(part("link-words"), LABELS[status]);
    part("link-state").dataset.status = status;
    part("main").toggleAttribute("data-stale", status !== "open");
    const lost = status === "waiting" || (status === "connecting" && this.#wasOpen);
    titleSays("link", lost || status === "signed-out" || status === "crowded" ? NOT_LIVE : "");
    if (status === "open" || status === "barred") this.#notice(noticeWords(this.#paymentNotice), fixLink(this.#paymentNotice));
    if (lost && status === "connecting") this.#notice(LOST, null);
    if (status === "waiting") this.#notice(waitWords(waitMs), makeButton("Try now", () => this.#onRetry()));
    if (status === "crowded") this.#notice(CROWDED, makeButton("Show words here", () => this.#onRetry()));
    if (status === "signed-out") this.#notice(kept ? EXPIRED : SIGNED_OUT, signIn());
    this.#wasOpen ||= status === "open";
  }

  /** Set the payment notice (web/billing/payment_notice.py's, or null) that the next `show` displays. */
  tell(notice) {
    this.#paymentNotice = notice;
  }

  #notice(words, action) {
    const parts = words ? [make("p", "", words), ...(action ? [action] : [])] : [];
    if (part("notice").textContent !== parts.map((each) => each.textContent).join("")) part("notice").replaceChildren(...parts);
  }
}

function waitWords(waitMs) {
  return `${LOST} Trying again in ${Math.ceil(waitMs / 1000)} s.`;
}

function noticeWords(notice) {
  return notice && `${notice.words} ${notice.remedy}`;
}

function fixLink(notice) {
  if (!notice?.link) return null;
  const link = make("a", "button small", notice.label);
  link.href = notice.link;
  return link;
}

function signIn() {
  return signInLink("Sign in", "/sign-in");
}

/** A link to sign in at `address`, in a tab of its own: leaving this page would hang up. */
export function signInLink(words, address) {
  const link = make("a", "button small", words);
  Object.assign(link, { href: address, target: "_blank", rel: "noopener" });
  return link;
}
