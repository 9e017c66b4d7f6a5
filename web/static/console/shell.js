// Keeps the console, and with it the sound of a call, while the member looks at other pages: links open them in a frame beside the phone.
//
// The address says which page is open, so that a reload opens it again: /console#/calls?from=…

import { part } from "../dom.js";
import { listen } from "./keys.js";
import { setTitle } from "./title.js";

const HOME = "/console";
const PAYS = ["/billing", "/checkout"]; // these lead to Stripe's pages, which stand in no frame
const CHORD = /^Alt\+/;

export class Shell {
  #shortcuts;
  #onHome;

  /** `shortcuts` are keys.js's; those of the call work in other pages, too. `onHome(isThere)` runs when the live calls are shown again, or are asked for and shown already. */
  constructor({ shortcuts, onHome }) {
    this.#shortcuts = Object.fromEntries(Object.entries(shortcuts).filter(([key]) => CHORD.test(key)));
    this.#onHome = onHome;
    document.addEventListener("click", (event) => this.#click(event));
    part("page-frame").addEventListener("load", () => this.#loaded());
    addEventListener("popstate", () => this.#follow());
    if (this.#wanted) this.#follow();
  }

  /** Show the page at `path` of ours, or the live calls. */
  open(path) {
    if (path === HOME && part("page-frame").hidden) return this.#onHome(true);
    history.pushState(null, "", path === HOME ? HOME : `${HOME}#${path}`);
    this.#follow();
  }

  // The page that the address names; "" for the live calls.
  get #wanted() {
    const path = location.hash.slice(1);
    if (!path.startsWith("/")) return "";
    const url = new URL(path, location.origin);
    return url.origin === location.origin && url.pathname !== HOME ? url.pathname + url.search + url.hash : "";
  }

  #follow() {
    const path = this.#wanted;
    // Replaced, so that the frame adds nothing to the history, which is ours.
    part("page-frame").contentWindow.location.replace(path || "about:blank");
    this.#show(path);
  }

  #show(path) {
    const wasHidden = part("page-frame").hidden;
    part("page-frame").hidden = !path;
    part("main").toggleAttribute("data-page", Boolean(path));
    if (path) return;
    markPlace(HOME);
    setTitle("");
    if (!wasHidden) this.#onHome(false);
  }

  #loaded() {
    const page = part("page-frame").contentDocument; // null for what is not ours
    if (!page || page.URL === "about:blank") return;
    const { pathname, search, hash } = page.location;
    if (pathname === HOME) return this.open(HOME);
    history.replaceState(null, "", `${HOME}#${pathname}${search}${hash}`);
    markPlace(page.querySelector(".nav a[aria-current]")?.pathname);
    setTitle(page.title);
    part("page-frame").title = page.title;
    page.addEventListener("click", (event) => this.#click(event));
    for (const form of page.forms) if (pays(new URL(form.action).pathname)) form.target = "_blank";
    listen(this.#shortcuts, page);
    if (document.activeElement === document.body || document.activeElement.matches(".nav a")) part("page-frame").focus();
  }

  #click(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    const page = link.ownerDocument.location;
    if (link.hash && link.pathname === page.pathname && link.search === page.search) return; // within the page
    event.preventDefault();
    link.closest("details")?.removeAttribute("open"); // the account's menu
    if (pays(link.pathname)) window.open(link.href, "_blank", "noopener");
    else this.open(link.pathname === "/" ? HOME : link.pathname + link.search + link.hash);
  }
}

// In the bar of the console; the page's own bar, which the frame hides, knows where it belongs.
function markPlace(path) {
  for (const link of document.querySelectorAll(".nav a")) {
    if (link.pathname === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function pays(path) {
  return PAYS.some((each) => path === each || path.startsWith(`${each}/`));
}
