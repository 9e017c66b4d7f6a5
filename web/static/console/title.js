// The tab's title: urgent news comes first.

const plain = document.title;
const said = new Map(); // what about → words
const ORDER = ["ring", "link"];

/** Let the title say `words` about "ring" or "link"; "" for nothing. */
export function titleSays(about, words) {
  said.set(about, words);
  const parts = [...ORDER.map((each) => said.get(each)), plain];
  document.title = parts.filter(Boolean).join(" · ");
}
