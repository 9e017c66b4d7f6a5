// A form whose answer takes a while says so on its button, and is sent once.

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
  // A page that comes back from the browser's memory is as good as new.
  addEventListener("pageshow", () => {
    for (const button of root.querySelectorAll('[aria-disabled="true"][data-words]')) {
      button.textContent = button.dataset.words;
      button.removeAttribute("aria-disabled");
    }
  });
}
