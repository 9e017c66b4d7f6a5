// Scrolls along with the newest words, unless the reader has scrolled up; then counts what they have not seen.

import { plural } from "../wording.js";

const NEAR_PX = 24; // this close to the end counts as at the end

export class AutoScroll {
  #scroller;
  #button;
  #following = true;
  #lastTop = 0;
  #unseen = 0;

  /** `list` grows inside `scroller`; `button` brings the reader back to the end. */
  constructor(scroller, list, button) {
    this.#scroller = scroller;
    this.#button = button;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    button.addEventListener("click", () => this.toEnd());
    // Runs after layout and before paint, whatever made the list or the window change its size.
    const sizes = new ResizeObserver(() => this.#following && this.#pin());
    sizes.observe(scroller);
    sizes.observe(list);
  }

  toEnd() {
    this.#follow(true);
    this.#pin();
  }

  /** A new line was added at the end. */
  added() {
    if (this.#following) return;
    this.#unseen += 1;
    this.#label();
  }

  // Growing content never moves the reader: only a move up and away from the end stops the following.
  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    if (scrollHeight - scrollTop - clientHeight <= NEAR_PX) this.#follow(true);
    else if (scrollTop < this.#lastTop) this.#follow(false);
    this.#lastTop = scrollTop;
  }

  #follow(following) {
    if (following === this.#following) return;
    this.#following = following;
    this.#unseen = 0;
    this.#button.hidden = following;
    this.#label();
  }

  #pin() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  #label() {
    this.#button.dataset.unseen = this.#unseen;
    const label = this.#unseen ? `Jump to live: ${plural(this.#unseen, "new line", "new lines")}` : "Jump to live";
    this.#button.querySelector("span").textContent = label;
  }
}
