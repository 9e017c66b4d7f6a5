// Warns before the sign-in ends, and notices when the member has signed in again in another tab.

import { make, part } from "../../dom.js";
import { signInLink } from "../link_panel.js";
import { isRenewed, signedInUntil } from "./sign_in.js";
import { hearTabs } from "../../tabs.js";
import { plural } from "../wording.js";

const WARNING_MS = 15 * 60_000; // before the end
const ASK_MS = 5_000; // between checks whether the member has signed in again
const TIME = new Intl.DateTimeFormat("en-AU", { hour: "numeric", minute: "2-digit" });

export class SignInPanel {
  #onRenewed;
  #askedAt = 0;

  /** `onRenewed()`: the member has signed in again in another tab; `onSignedOut()`: they have signed out there. */
  constructor({ onRenewed, onSignedOut }) {
    this.#onRenewed = onRenewed;
    hearTabs((news) => {
      if (news === "signed-in") this.#ask();
      if (news !== "signed-out") return;
      this.#askedAt = Date.now(); // the server does not know of it yet
      onSignedOut();
    });
  }

  /** `now` in ms since 1970 by the server's clock; `signedOut` as far as the page knows. */
  tick(now, signedOut) {
    const left = signedInUntil() - now;
    const soon = !signedOut && left > 0 && left <= WARNING_MS;
    this.#warn(soon ? Math.ceil(left / 60_000) : 0);
    if ((soon || signedOut) && !document.hidden && Date.now() - this.#askedAt >= ASK_MS) this.#ask();
  }

  async #ask() {
    this.#askedAt = Date.now();
    if (await isRenewed()) this.#onRenewed();
  }

  #warn(minutes) {
    const notice = part("sign-in-notice");
    if (notice.dataset.minutes === String(minutes)) return;
    notice.dataset.minutes = String(minutes);
    if (!minutes) return notice.replaceChildren();
    const end = TIME.format(signedInUntil());
    const words = `Your sign-in ends at ${end}, in ${plural(minutes, "minute", "minutes")}. Sign in again in another tab, and this page continues.`;
    notice.replaceChildren(make("p", "", words), signInLink("Sign in again", "/sign-in?again"));
  }
}
