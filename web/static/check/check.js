// Runs the preflight and shows each result as soon as it arrives.

import { abortAfter } from "../deadline.js";
import { part, put } from "../dom.js";

const PATIENCE_MS = 30_000;
const cards = [...part("checks").children];
const again = part("again");

function sentence(text) {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

function reset(verdict) {
  for (const card of cards) {
    card.dataset.good = "";
    put(card.querySelector(".verdict"), verdict);
    put(card.querySelector(".said"), "");
    card.querySelector(".fix").hidden = true;
  }
}

function show({ name, said, fix }) {
  const card = cards.find((each) => each.dataset.name === name);
  if (!card) return;
  card.dataset.good = fix ? "no" : "yes";
  put(card.querySelector(".verdict"), fix ? "Needs action" : "OK");
  put(card.querySelector(".said"), sentence(said));
  put(card.querySelector(".fix"), sentence(fix));
  card.querySelector(".fix").hidden = !fix;
}

/** The results as the server streams them, one JSON object a line. */
async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const whole = (rest + piece.value).split("\n");
    rest = whole.pop();
    yield* whole;
  }
}

function conclusion(verdict, words) {
  part("verdict").dataset.verdict = verdict;
  put(part("verdict"), words);
}

/** Show the summary, and move what needs action to the top. */
function conclude() {
  const open = cards.filter((card) => card.dataset.good === "no").length;
  const missing = cards.filter((card) => !card.dataset.good).length;
  if (missing) throw new Error("some results are missing");
  conclusion(open ? "open" : "good", open ? `${open} of ${cards.length} need action.` : `All ${cards.length} are OK.`);
  part("checks").prepend(...cards.filter((card) => card.dataset.good === "no"));
}

async function look() {
  again.hidden = true;
  conclusion("checking", "Checking …");
  reset("Checking …");
  try {
    const answer = await fetch(part("checks").dataset.findings, {
      headers: { Accept: "application/json" },
      redirect: "error",
      signal: abortAfter(PATIENCE_MS),
    });
    if (!answer.ok) throw new Error((await answer.json()).error);
    for await (const line of lines(answer)) show(JSON.parse(line));
    conclude();
  } catch (error) {
    for (const card of cards) if (!card.dataset.good) put(card.querySelector(".verdict"), "Not checked");
    const why = error.constructor === Error && error.message.endsWith(".") ? error.message : "The connection to Bilby was lost.";
    conclusion("unknown", `Not everything could be checked. ${why}`);
  }
  again.hidden = false;
}

again.addEventListener("click", look);
look();
