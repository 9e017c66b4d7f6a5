// What was noted about the caller: beside what rings, and beside the call in hand.

import { make } from "../../../dom.js";
import { noteWords } from "../phone_words.js";

/** A list of what is `noted` about a caller, the newest first. */
export function callerNotes(noted) {
  const list = make("ul", "caller-notes");
  if (noted?.length) list.tabIndex = 0; // it scrolls
  list.setAttribute("aria-label", "Notes about the caller");
  list.append(...(noted ?? []).map(row));
  return list;
}

function row(note) {
  const item = make("li");
  item.append(make("span", "caller-note", note.text), " ", make("span", "note-by", noteWords(note)));
  return item;
}
