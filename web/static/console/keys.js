// Keyboard shortcuts. Actions that change a call need Alt, so that typing cannot trigger one by accident. Single keys only navigate; they
// are off while a field or a dialog has the focus, and can be turned off (WCAG 2.1.4).

const PREFERENCE = "bilby.shortcuts";

export function shortcutsOn() {
  return localStorage.getItem(PREFERENCE) !== "off";
}

export function turnShortcuts(on) {
  localStorage.setItem(PREFERENCE, on ? "on" : "off");
}

/**
 * Run `actions[key]` when that key ("j", "Alt+h") is pressed in the document `where`; an action that returns false leaves the key to the
 * browser.
 */
export function listen(actions, where = document) {
  where.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey) return;
    const key = event.altKey ? chord(event) : single(event);
    if (actions[key] && actions[key](event) !== false) event.preventDefault();
  });
}

// Ignore auto-repeat, which would mute and unmute a call. AltGr types letters.
function chord(event) {
  if (event.repeat || event.shiftKey || event.getModifierState("AltGraph")) return null;
  return `Alt+${letter(event)}`;
}

// On a Mac, Option changes the character.
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
