// Looks at everything, and says each thing as soon as it is found.

import { abortAfter } from "./deadline.js";
import { part, put } from "./dom.js";

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
    card.querySelector(".mend").hidden = true;
  }
}

function show({ name, said, mend }) {
  const card = cards.find((each) => each.dataset.name === name);
  if (!card) return;
  card.dataset.good = mend ? "no" : "yes";
  put(card.querySelector(".verdict"), mend ? "Mend" : "Well");
  put(card.querySelector(".said"), sentence(said));
  put(card.querySelector(".mend"), sentence(mend));
  card.querySelector(".mend").hidden = !mend;
}

/** What the server finds, a line each. */
async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const whole = (rest + piece.value).split("\n");
    rest = whole.pop();
    yield* whole;
  }
}

/** Say how it came out. What wants mending comes first. */
function conclude() {
  const open = cards.filter((card) => card.dataset.good === "no").length;
  const missing = cards.filter((card) => !card.dataset.good).length;
  if (missing) throw new Error("not all was looked at");
  put(part("verdict"), open ? `${open} of ${cards.length} want mending.` : `All ${cards.length} are well.`);
  part("checks").prepend(...cards.filter((card) => card.dataset.good === "no"));
}

async function look() {
  again.hidden = true;
  put(part("verdict"), "Looking …");
  reset("Looking …");
  try {
    const answer = await fetch("/check/findings", {
      headers: { Accept: "application/json" },
      redirect: "error",
      signal: abortAfter(PATIENCE_MS),
    });
    if (!answer.ok) throw new Error((await answer.json()).error);
    for await (const line of lines(answer)) show(JSON.parse(line));
    conclude();
  } catch (error) {
    for (const card of cards) if (!card.dataset.good) put(card.querySelector(".verdict"), "Not looked at");
    const why = error.constructor === Error && error.message.endsWith(".") ? error.message : "Bilby did not answer to the end.";
    put(part("verdict"), `Not everything could be looked at. ${why}`);
  }
  again.hidden = false;
}

again.addEventListener("click", look);
look();
