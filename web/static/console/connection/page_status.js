// The status of the page: whether what it shows is live, and when what it knows has to go.

import { now, setClock } from "../clock.js";
import { signedInUntil } from "./sign_in.js";

const KEPT_MS = 10 * 60_000; // words of a sign-in that ran out, for a member who is about to sign in again
const CLOCKS_DIFFER_MS = 5_000; // between the one that ended the sign-in and ours

export class PageStatus {
  status = "connecting"; // connection.js's
  notice = null; // from the server: what is wrong with the payment
  #role;
  #link;
  #onChange;
  #onForget;
  #onOtherRole;
  #keptUntil = null; // ms since 1970: when the words are removed after the sign-in expired
  #mustReload = false; // the page was rendered for another role

  /**
   * `role` is the one that the page was rendered for; `link` is link_panel.js's. `onChange()` runs when the status is another; `onForget()`
   * when nothing of any call may stay; `onOtherRole()` when the member has another role, whose page is another one.
   */
  constructor({ role, link, onChange, onForget, onOtherRole }) {
    this.#role = role;
    this.#link = link;
    this.#onChange = onChange;
    this.#onForget = onForget;
    this.#onOtherRole = onOtherRole;
  }

  /** Whether the page hears what happens now. */
  get isLive() {
    return this.status === "open";
  }

  /** The connection `becomes` that, and is tried again in `waitMs`. */
  turn(becomes, waitMs) {
    const expired = becomes === "signed-out" && signedInUntil() <= now() + CLOCKS_DIFFER_MS;
    if (expired) this.#keptUntil ??= now() + KEPT_MS;
    if (becomes === "open") this.#keptUntil = null;
    this.status = becomes;
    this.#link.show(becomes, waitMs, expired);
    if ((becomes === "signed-out" && !expired) || becomes === "barred") this.#onForget();
    this.#onChange();
  }

  /** Take over what the answer to a ticket request says. */
  heed(answer) {
    if (!Number.isNaN(answer.saidAt)) setClock(answer.saidAt);
    if (answer.notice !== undefined) this.#link.tell((this.notice = answer.notice));
    if (!answer.role || answer.role === this.#role) return;
    this.#mustReload = true; // the new role may not see what the old one saw
    this.#onOtherRole();
  }

  /** `isBusy`: a page that is left now cuts something off. */
  tick(isBusy) {
    if (this.#keptUntil !== null && now() >= this.#keptUntil) this.#onForget();
    if (this.#mustReload && !isBusy) location.reload();
  }
}
