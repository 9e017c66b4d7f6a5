// Forms with a slow answer show it on their button, and are sent once.

/** Set up every such form inside `root`. */
export function watchForms(root) {
  root.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.busy) return;
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      return;
    }
    button.dataset.words = button.textContent;
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-disabled", "true");
  });
  // Reset a page that is restored from the browser's cache.
  addEventListener("pageshow", () => {
    for (const button of root.querySelectorAll('[aria-disabled="true"][data-words]')) {
      button.textContent = button.dataset.words;
      button.removeAttribute("aria-disabled");
    }
  });
}
