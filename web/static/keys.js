// Single-key shortcuts. They rest while somebody types, holds a modifier or reads a dialog, and can be turned off (WCAG 2.1.4).

const PREFERENCE = "bilby.shortcuts";

export function shortcutsOn() {
  return localStorage.getItem(PREFERENCE) !== "off";
}

export function turnShortcuts(on) {
  localStorage.setItem(PREFERENCE, on ? "on" : "off");
}

/** Run `actions[key]` when that key is pressed; an action that returns false leaves the key to the browser. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key.length === 1 && !shortcutsOn()) return;
    if (actions[key] && actions[key](event) !== false) event.preventDefault();
  });
}

function isTyping(target) {
  return target.closest("input, select, textarea, [contenteditable]") !== null;
}
