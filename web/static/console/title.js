// The tab's title: urgent news comes first.

const own = document.title;
const said = new Map(); // what about → words
const ORDER = ["ring", "link"];

let plain = own;

/** Let the title say `words` about "ring" or "link"; "" for nothing. */
export function titleSays(about, words) {
  said.set(about, words);
  show();
}

/** Let the title name the page that is shown; "" for the live calls. */
export function setTitle(words) {
  plain = words || own;
  show();
}

function show() {
  document.title = [...ORDER.map((each) => said.get(each)), plain].filter(Boolean).join(" · ");
}
