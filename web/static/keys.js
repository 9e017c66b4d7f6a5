// Keyboard shortcuts. Whatever changes a call needs Alt, so that nobody does it who only types: in another window, they believe, or
// while they read. Single keys only move and read; they rest while somebody types or has a dialog open, and can be turned off
// (WCAG 2.1.4).

const PREFERENCE = "bilby.shortcuts";

export function shortcutsOn() {
  return localStorage.getItem(PREFERENCE) !== "off";
}

export function turnShortcuts(on) {
  localStorage.setItem(PREFERENCE, on ? "on" : "off");
}

/** Run `actions[key]` when that key ("j", "Alt+h") is pressed; an action that returns false leaves the key to the browser. */
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey) return;
    const key = event.altKey ? chord(event) : single(event);
    if (actions[key] && actions[key](event) !== false) event.preventDefault();
  });
}

// Held down, a key repeats itself: a call is not to be muted and unmuted by that. AltGr writes letters.
function chord(event) {
  if (event.repeat || event.shiftKey || event.getModifierState("AltGraph")) return null;
  return `Alt+${letter(event)}`;
}

// On a Mac, Option makes another sign of the letter.
function letter({ key, code }) {
  return /^[a-z]$/i.test(key) ? key.toLowerCase() : code.replace(/^Key/, "").toLowerCase();
}

function single(event) {
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return key.length === 1 && !shortcutsOn() ? null : key;
}

function isTyping(target) {
  return target.closest("input, select, textarea, [contenteditable]") !== null;
}
