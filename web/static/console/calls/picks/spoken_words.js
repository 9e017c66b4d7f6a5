// A text as words that stand for digits, letters or numbers: "double five", "oh", "S for Sierra", "forty-two". Pure.

const UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(" ");
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const NATO =
  "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo sierra tango uniform " +
  "victor whiskey xray yankee zulu alfa juliett whisky x-ray";
const LARGE = { thousand: 1000, million: 1_000_000 };
const AROUND = /^[("'“‘[]+|[.,;:!?)"'”’\]…]+$/g;
const TIMES = { double: 2, triple: 3, treble: 3, quadruple: 4 };

const DIGITS = new Map([
  ...UNITS.map((word, value) => [word, String(value)]),
  ...TEENS.map((word, value) => [word, String(value + 10)]),
  ["nought", "0"],
]);
const VALUES = new Map([
  ...UNITS.map((word, value) => [word, value]),
  ...TEENS.map((word, value) => [word, value + 10]),
  ...TENS.map((word, value) => [word, 10 * (value + 2)]),
]);
const LETTERS = new Map(NATO.split(" ").map((word) => [word, word[0]]));

/** The words of `text`: {raw, said (no punctuation around), bare (that in lower case), start, end, stops (punctuation follows that ends a phrase)}. */
export function wordsOf(text) {
  return [...text.matchAll(/\S+/g)].map(({ 0: raw, index }) => ({
    raw,
    said: raw.replace(AROUND, ""),
    bare: raw.toLowerCase().replace(AROUND, ""),
    start: index,
    end: index + raw.length,
    stops: /[.!?;:]["')]*$/.test(raw),
  }));
}

/** The digits that begin at `words[at]`, and how many words they take: {digits, used}, or null. "oh" counts beside digits only. */
export function digitsAt(words, at, hasDigits) {
  const bare = words[at]?.bare ?? "";
  if (/^\+?\d+([-/.]?\d+)*$/.test(bare) && !/^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}$/.test(bare)) return { digits: bare.replace(/[^\d+]/g, ""), used: 1 };
  if (DIGITS.has(bare)) return { digits: DIGITS.get(bare), used: 1 };
  if (bare in TIMES) {
    const next = digitsAt(words, at + 1, true);
    return next && { digits: next.digits[0].repeat(TIMES[bare]) + next.digits.slice(1), used: 1 + next.used };
  }
  if (bare === "oh" || bare === "o") return hasDigits || startsDigits(words[at + 1]) ? { digits: "0", used: 1 } : null;
  const [tens, unit] = bare.split("-");
  if (!TENS.includes(tens) || (unit && !UNITS.includes(unit))) return null;
  const spoken = unit ?? (words[at].stops ? undefined : words[at + 1]?.bare);
  const units = UNITS.indexOf(spoken) > 0 ? UNITS.indexOf(spoken) : 0;
  return { digits: String(VALUES.get(tens) + units), used: units && !unit ? 2 : 1 };
}

/** The letter that begins at `words[at]`, and how many words it takes: "s", "sierra", "S for Sierra", "double s"; or null. */
export function letterAt(words, at) {
  const bare = words[at]?.bare ?? "";
  if (bare === "double" && /^[a-z]$/.test(words[at + 1]?.bare ?? "")) return { letters: words[at + 1].bare.repeat(2), used: 2 };
  if (/^([a-z][-.])+[a-z]$/.test(bare)) return { letters: bare.replace(/[^a-z]/g, ""), used: 1 };
  if (LETTERS.has(bare)) return { letters: LETTERS.get(bare), used: 1 };
  if (!/^[a-z]$/.test(bare)) return null;
  const used = ["for", "as"].includes(words[at + 1]?.bare) ? (words[at + 2]?.bare === "in" ? 4 : 3) : 1;
  return words[at + used - 1]?.bare[0] === bare ? { letters: bare, used } : { letters: bare, used: 1 };
}

/** The number said from `words[at]` on, and how many words it takes: "two hundred and fifty", "1,250.50"; or null. */
export function numberAt(words, at) {
  const bare = words[at]?.bare.replace(/^(a?\$)/, "") ?? "";
  if (/^\d{1,3}(,\d{3})+(\.\d+)?$|^\d+(\.\d+)?$/.test(bare)) return thousands(Number(bare.replaceAll(",", "")), words, at + 1, 1);
  let [total, part, used] = [0, null, 0];
  for (let next = at; next < words.length; next += 1) {
    const word = words[next].bare;
    if (word === "and" && part !== null && valueOf(words[next + 1]?.bare) !== null) continue;
    if (word === "hundred" && part !== null) part *= 100;
    else if (word in LARGE && part !== null) [total, part] = [total + part * LARGE[word], 0];
    else if (valueOf(word) !== null) part = (part ?? 0) + valueOf(word);
    else break;
    used = next - at + 1;
  }
  return used ? { value: total + part, used } : null;
}

function thousands(value, words, at, used) {
  const times = LARGE[words[at]?.bare];
  return times ? { value: value * times, used: used + 1 } : { value, used };
}

function valueOf(word = "") {
  if (VALUES.has(word)) return VALUES.get(word);
  const [tens, unit] = word.split("-");
  return TENS.includes(tens) && UNITS.indexOf(unit) > 0 ? VALUES.get(tens) + UNITS.indexOf(unit) : null;
}

function startsDigits(word) {
  return word !== undefined && (/^\d/.test(word.bare) || DIGITS.has(word.bare) || word.bare in TIMES);
}
