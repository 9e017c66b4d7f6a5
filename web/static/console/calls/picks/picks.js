// What an agent would otherwise write down: phone numbers, e-mail addresses, amounts, dates, postcodes, references, spelled names and digits
// in a text. Pure. What media masked (bullets) is no digit, so it is never offered.

import { digitsAt, letterAt, numberAt, wordsOf } from "./spoken_words.js";

const SHORTEST_DIGITS = 4;
const SHORTEST_NAME = 3;
const TOP_LEVEL = new Set("com net org au nz uk io co edu gov info biz me app".split(" "));
const SIGNS = { dot: ".", point: ".", underscore: "_", dash: "-", hyphen: "-", plus: "+" };
const NEVER_IN_EMAIL = new Set(
  "is was are my your our his her their the email mail e-mail address to on at me us you can send write sent reach with for and or that so yes no um uh er it its i i'm".split(" "),
);
const MOST_NAMES = 3; // said in a row, in one part of an address
const NAMED = new Set("reference ref order invoice account policy claim booking ticket case customer member membership job quote tracking code serial abn acn bsb".split(" "));
const BETWEEN = new Set("number no is it's its the my your id was um uh er and then".split(" "));
const HESITATION = new Set(["um", "uh", "er", "and", "then", "dash", "hyphen"]);
const STATES = new Set([
  ..."nsw vic qld sa wa tas nt act victoria queensland tasmania".split(" "),
  ...["south wales", "western australia", "south australia", "northern territory", "capital territory"],
]);
const MONTHS = "january february march april may june july august september october november december".split(" ");
const ORDINALS =
  "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth " +
  "eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth twenty-sixth twenty-seventh " +
  "twenty-eighth twenty-ninth thirtieth thirty-first";
const DAYS = new Map(ORDINALS.split(" ").map((word, index) => [word, index + 1]));
const FINDERS = [emailAt, amountAt, dateAt, postcodeAt, spelledAt, digitRunAt];

/** Every pick in `text`, in order: {kind, value}, kind one of email, amount, date, phone, postcode, reference, name, digits. */
export function picks(text) {
  const words = wordsOf(text);
  const found = [];
  for (let at = 0; at < words.length; ) {
    const pick = firstOf(words, at);
    if (pick?.kind) found.push({ kind: pick.kind, value: pick.value });
    at += pick?.used ?? 1;
  }
  return found.filter((pick, index) => found.findIndex(({ value }) => value === pick.value) === index);
}

function firstOf(words, at) {
  for (const find of FINDERS) {
    const pick = find(words, at);
    if (pick) return pick;
  }
  return null;
}

function emailAt(words, at) {
  if (/^[\w.+-]+@[\w-]+(\.[\w-]+)+$/.test(words[at].bare)) return { kind: "email", value: words[at].bare, used: 1 };
  const local = localAt(words, at);
  const domain = local && domainAt(words, local.next + 1);
  return domain && { kind: "email", value: `${local.text}@${domain.text}`, used: domain.next - at };
}

// What stands before "at": "john dot smith", "j o h n", "john smith ninety nine". Names said in a row are one part if it is clear where it begins.
function localAt(words, at) {
  let [text, next, names, follows] = ["", at, 0, false];
  for (; words[next] && words[next].bare !== "at"; ) {
    const sign = text && SIGNS[words[next].bare];
    const piece = sign ? { text: sign, used: 1 } : pieceAt(words, next);
    if (!piece || NEVER_IN_EMAIL.has(words[next].bare)) return null;
    if (piece.isName && names && !/[._+-]$/.test(text)) follows = true;
    if (piece.isName) names += 1;
    text += piece.text;
    next += piece.used;
    if (words[next - 1].stops) return null;
  }
  if (!/[a-z0-9]$/.test(text) || (follows && (names > MOST_NAMES || !beginsAt(words, at)))) return null;
  return words[next] && { text, next };
}

function beginsAt(words, at) {
  return at === 0 || words[at - 1].stops || NEVER_IN_EMAIL.has(words[at - 1].bare);
}

// "gmail dot com", "big pond dot net dot a u": ends in a known ending.
function domainAt(words, at) {
  let [text, next] = ["", at];
  if (NEVER_IN_EMAIL.has(words[at]?.bare)) return null;
  for (let piece = pieceAt(words, at); piece && next - at < MOST_NAMES; piece = words[next]?.bare in SIGNS ? null : pieceAt(words, next)) {
    text += piece.text;
    next += piece.used;
    if (words[next - 1].stops) break;
  }
  while (text && words[next]?.bare in SIGNS) {
    const piece = pieceAt(words, next + 1);
    if (!piece) break;
    text += SIGNS[words[next].bare] + piece.text;
    next += 1 + piece.used;
    if (/\.a$/.test(text) && words[next]?.bare === "u") [text, next] = [`${text}u`, next + 1];
  }
  const ends = text.split(".");
  return ends.length > 1 && TOP_LEVEL.has(ends[ends.length - 1]) ? { text, next } : null;
}

function pieceAt(words, at) {
  const bare = words[at]?.bare ?? "";
  const digits = bare === "o" ? null : digitsAt(words, at, true);
  if (digits) return { text: digits.digits, used: digits.used };
  const letter = bare in SIGNS ? null : letterAt(words, at);
  if (letter) return { text: letter.letters, used: letter.used };
  return /^[a-z0-9][\w.+-]*$/.test(bare) && !(bare in SIGNS) ? { text: bare, used: 1, isName: true } : null;
}

function amountAt(words, at) {
  const number = numberAt(words, at);
  if (!number) return null;
  if (["cent", "cents"].includes(words[at + number.used]?.bare))
    return { kind: "amount", value: `$${(number.value / 100).toFixed(2)}`, used: number.used + 1 };
  let used = number.used;
  const unit = words[at + used]?.bare;
  const isNamed = ["dollar", "dollars", "bucks", "aud"].includes(unit);
  if (!isNamed && !/^a?\$/.test(words[at].bare)) return null;
  if (isNamed) used += 1;
  let cents = 0;
  const from = at + used + (words[at + used]?.bare === "and" ? 1 : 0);
  const small = isNamed ? numberAt(words, from) : null;
  if (small && ["cent", "cents"].includes(words[from + small.used]?.bare)) [cents, used] = [small.value, from + small.used + 1 - at];
  const value = number.value + cents / 100;
  return { kind: "amount", value: `$${value.toFixed(Number.isInteger(value) ? 0 : 2)}`, used };
}

function dateAt(words, at) {
  const written = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})$/.exec(words[at].bare);
  if (written && written[1] <= 31 && written[2] <= 12) return { kind: "date", value: written[0], used: 1 };
  const day = dayAt(words, at);
  if (day) {
    const of = words[at + day.used]?.bare === "of" ? 1 : 0;
    const month = MONTHS.indexOf(words[at + day.used + of]?.bare);
    return month < 0 ? null : dated(words, at, day.used + of + 1, day.value, month);
  }
  const month = MONTHS.indexOf(words[at].bare);
  const the = words[at + 1]?.bare === "the" ? 1 : 0;
  const after = month < 0 ? null : dayAt(words, at + 1 + the);
  return after && dated(words, at, 1 + the + after.used, after.value, month);
}

function dayAt(words, at) {
  const bare = words[at]?.bare ?? "";
  const figures = /^(\d{1,2})(st|nd|rd|th)?$/.exec(bare);
  if (figures) return figures[1] >= 1 && figures[1] <= 31 ? { value: Number(figures[1]), used: 1 } : null;
  if (DAYS.has(bare)) return { value: DAYS.get(bare), used: 1 };
  const two = `${bare}-${words[at + 1]?.bare}`;
  return DAYS.has(two) ? { value: DAYS.get(two), used: 2 } : null;
}

function dated(words, at, used, day, month) {
  const year = yearAt(words, at + used);
  const name = MONTHS[month][0].toUpperCase() + MONTHS[month].slice(1);
  return { kind: "date", value: `${day} ${name}${year ? ` ${year.value}` : ""}`, used: used + (year?.used ?? 0) };
}

// "2026", "twenty twenty-six", "nineteen eighty four", "two thousand and five".
function yearAt(words, at) {
  const first = digitsAt(words, at, false);
  if (/^(19|20)\d\d$/.test(first?.digits ?? "")) return { value: first.digits, used: first.used };
  const second = /^(19|20)$/.test(first?.digits ?? "") ? digitsAt(words, at + first.used, false) : null;
  if (second?.digits.length === 2) return { value: first.digits + second.digits, used: first.used + second.used };
  const number = numberAt(words, at);
  return number && number.value >= 2000 && number.value < 2100 ? { value: String(number.value), used: number.used } : null;
}

// "postcode two thousand", "in New South Wales two thousand and ten".
function postcodeAt(words, at) {
  if (contextOf(words, at) !== "postcode" && !isStateBefore(words, at)) return null;
  const number = numberAt(words, at);
  const isWhole = number?.used > 1 && number.value >= 1000 && number.value <= 9999;
  return isWhole ? { kind: "postcode", value: String(number.value), used: number.used } : null;
}

function isStateBefore(words, at) {
  const [before, last] = [words[at - 2]?.bare, words[at - 1]?.bare];
  return STATES.has(last) || STATES.has(`${before} ${last}`);
}

// Letters, or letters and digits mixed: a name that is spelled, or a reference.
function spelledAt(words, at) {
  const whole = words[at].said;
  if (/^(?=.*[A-Z])(?=(.*\d){3})[A-Z\d]+(-[A-Z\d]+)*$/.test(whole)) return { kind: "reference", value: whole, used: 1 };
  let [value, next, pieces] = ["", at, 0];
  if (/^[A-Z]{2,4}$/.test(whole) && NAMED.has(contextOf(words, at)) && digitsAt(words, at + 1, true)) [value, next, pieces] = [whole, at + 1, 1];
  for (;;) {
    const digits = digitsAt(words, next, /\d$/.test(value));
    const one = digits ?? (isArticle(words, next) ? null : letterAt(words, next));
    if (!one) break;
    value += digits ? digits.digits : one.letters.toUpperCase();
    pieces += one.used;
    next += one.used;
    if (words[next - 1].stops) break;
  }
  const letters = value.replace(/[^A-Z]/g, "").length;
  if (letters === value.length) return letters >= SHORTEST_NAME && !/^[AI]+$/.test(value) ? { kind: "name", value, used: pieces } : null;
  return letters && value.length >= SHORTEST_DIGITS && value.length > letters ? { kind: "reference", value, used: pieces } : null;
}

// "a" in front of an ordinary word: "three fifty a week".
function isArticle(words, at) {
  return words[at]?.said === "a" && !words[at].stops && at + 1 < words.length && !digitsAt(words, at + 1, true) && !letterAt(words, at + 1);
}

function digitRunAt(words, at) {
  let [digits, next, end] = ["", at, at];
  const toll = tollAt(words, at);
  if (toll) [digits, next, end] = [toll.digits, at + toll.used, at + toll.used];
  while (next < words.length) {
    const one = digitsAt(words, next, digits !== "");
    if (one && !(one.digits[0] === "+" && digits)) {
      digits += one.digits;
      end = next += one.used;
      if (isWholePhone(digits) && !digitsAt(words, next, true)) break;
    } else if (digits && HESITATION.has(words[next].bare)) next += 1;
    else break;
  }
  if (!digits) return null;
  const used = end - at;
  const phone = asPhone(digits);
  if (phone) return { kind: "phone", value: phone, used };
  const before = contextOf(words, at);
  if (/^\d{4}$/.test(digits) && (before === "postcode" || isStateBefore(words, at))) return { kind: "postcode", value: digits, used };
  if (toll || digits.length < SHORTEST_DIGITS || (digits.length === 4 && /^(19|20)\d\d$/.test(digits) && !NAMED.has(before))) return { used };
  return { kind: NAMED.has(before) ? "reference" : "digits", value: digits, used };
}

// "one three hundred", "eighteen hundred": how a phone number without an area code begins.
function tollAt(words, at) {
  const said = [0, 1, 2].map((index) => words[at + index]?.bare);
  const [one, two] = [["three", "eight"].indexOf(said[1]), ["thirteen", "eighteen"].indexOf(said[0])];
  if (said[0] === "one" && one >= 0 && said[2] === "hundred") return { digits: ["1300", "1800"][one], used: 3 };
  return two >= 0 && said[1] === "hundred" ? { digits: ["1300", "1800"][two], used: 2 } : null;
}

// The word that says what the digits at `at` are, at most four words before them.
function contextOf(words, at) {
  for (let index = at - 1; index >= Math.max(0, at - 5); index -= 1) {
    const { bare, stops } = words[index];
    if (stops && index < at - 1) return null;
    if (bare === "code" && words[index - 1]?.bare === "post") return "postcode";
    if (NAMED.has(bare) || bare === "postcode") return bare;
    if (!BETWEEN.has(bare)) return null;
  }
  return null;
}

function isWholePhone(digits) {
  return /^0[23478]\d{8}$|^1[38]00\d{6}$|^\+61[23478]\d{8}$/.test(digits);
}

/** An Australian phone number as people write it; another country's with its plus; null for anything else. */
function asPhone(digits) {
  const local = digits.replace(/^\+?61(?=[23478]\d{8}$)/, "0");
  if (/^04\d{8}$/.test(local)) return local.replace(/^(\d{4})(\d{3})(\d{3})$/, "$1 $2 $3");
  if (/^0[2378]\d{8}$/.test(local)) return local.replace(/^(\d{2})(\d{4})(\d{4})$/, "$1 $2 $3");
  if (/^1[38]00\d{6}$/.test(local)) return local.replace(/^(\d{4})(\d{3})(\d{3})$/, "$1 $2 $3");
  if (/^13\d{4}$/.test(local)) return local.replace(/^(\d{2})(\d{2})(\d{2})$/, "$1 $2 $3");
  return /^\+\d{8,15}$/.test(digits) ? digits : null;
}
