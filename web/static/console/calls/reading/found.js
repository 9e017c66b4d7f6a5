// What is searched for in a text. Pure.

/** What finds `wanted`, in any case, with any apostrophes and spaces; null if there is nothing to find. */
export function patternOf(wanted) {
  const words = wanted.trim().split(/\s+/).filter(Boolean);
  if (!words.length) return null;
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&").replace(/['’]/g, "['’]"));
  return new RegExp(escaped.join("\\s+"), "giu");
}

/** `text` in pieces: {text, isFound}. */
export function piecesOf(text, pattern) {
  const pieces = [];
  let at = 0;
  for (const { 0: found, index } of text.matchAll(pattern)) {
    if (index > at) pieces.push({ text: text.slice(at, index), isFound: false });
    pieces.push({ text: found, isFound: true });
    at = index + found.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isFound: false });
  return pieces;
}
