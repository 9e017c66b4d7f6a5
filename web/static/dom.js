// The few things every part of the page does with its elements. Text only ever becomes textContent.

/** The element of that id. */
export function part(id) {
  return document.getElementById(id);
}

/** Make `node` read `text`; nothing is touched if it does already. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A new element. */
export function make(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** A new small button that runs `action`. */
export function makeButton(text, action) {
  const button = make("button", "button small", text);
  button.type = "button";
  button.addEventListener("click", action);
  return button;
}
