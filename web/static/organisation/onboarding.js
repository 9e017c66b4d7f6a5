// Keeps the checklist up to date while it is visible: by the event stream, or by polling if the stream does not work.

import { make, part, put } from "../dom.js";
import { offerTestCalls } from "../console/test_call.js";

const POLL_MS = 5000;
const PATIENCE_MS = 10_000; // for the first event of the stream; a proxy may be buffering it
const LOST_MS = 4000; // the event stream reconnects by itself; show a message only after a longer outage
const SAID = {
  open: "",
  lost: "The connection was lost. This page keeps trying.",
  "signed-out": "You are signed out. Reload this page to sign in.",
};

let before = null;

/** Draw `state`, the JSON of web/organisation/onboarding.py. */
function show(state) {
  put(part("count"), `${state.done} of ${state.items.length} done`);
  part("progress").value = state.done;
  part("all-done").hidden = state.done < state.items.length;
  for (const item of state.items) showItem(item, item.key === state.next);
  showWay(state);
  part("ring-it").hidden = !state.ring;
  put(part("ring"), state.ring);
  announce(state);
  before = state;
}

function showItem(item, isNext) {
  const node = part(`item-${item.key}`);
  const link = node.querySelector("a");
  node.dataset.done = item.done ? "yes" : "no";
  put(node.querySelector(".verdict"), item.done ? "done" : "to do");
  put(node.querySelector(".words"), item.words);
  link.hidden = !item.fix;
  if (item.fix) link.href = item.fix;
  link.classList.toggle("primary", isNext);
  put(link, item.action);
}

function showWay({ steps, number, trouble: problem, again, order, may_retry: mayRetry, may_choose: mayChoose }) {
  part("under-way").hidden = !steps.length && !problem;
  put(part("number"), number);
  if (before === null || JSON.stringify(before.steps) !== JSON.stringify(steps)) {
    part("steps").replaceChildren(...steps.map(stepNode));
  }
  part("problem").hidden = !problem;
  put(part("problem"), problem);
  put(part("again"), again);
  part("order").value = order;
  part("retry").hidden = !mayRetry;
  part("choose").hidden = !mayChoose;
}

function stepNode({ key, words, state }) {
  const node = make("li", "", words);
  node.dataset.step = key;
  node.dataset.state = state;
  if (state === "now") node.setAttribute("aria-current", "step");
  if (state === "done") node.append(make("span", "visually-hidden", " (done)"));
  return node;
}

/** Announce a change once to screen readers. */
function announce({ steps, items, ring }) {
  if (before === null) return;
  const now = steps.find((step) => step.state === "now")?.words;
  const news = items.filter((item, at) => item.done && !before.items[at].done).map((item) => `${item.title}: done.`);
  if (now && now !== before.steps.find((step) => step.state === "now")?.words) news.push(`${now}.`);
  if (ring && !before.ring) news.push(`Ready to ring: ${ring}.`);
  if (news.length) put(part("news"), news.join(" "));
}

/** Say how the connection is: one of `SAID`. */
function say(state) {
  part("live").dataset.state = state;
  put(part("live"), SAID[state]);
}

/** Follow the stream; the browser connects again by itself, unless it was refused. */
function listen() {
  const source = new EventSource("/onboarding/events");
  let lost = 0;
  let patience = setTimeout(giveUp, PATIENCE_MS);
  source.onmessage = ({ data }) => {
    clearTimeout(patience);
    show(JSON.parse(data));
  };
  source.onopen = () => {
    clearTimeout(lost);
    lost = 0;
    say("open");
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) return giveUp();
    lost ||= setTimeout(() => say("lost"), LOST_MS);
  };
  function giveUp() {
    clearTimeout(patience);
    clearTimeout(lost);
    source.close();
    ask();
  }
}

/** Poll while the page is visible. */
async function ask() {
  if (!document.hidden) {
    const status = await askOnce();
    if (status === 401 || status === 403) return say("signed-out");
    say(status === 200 ? "open" : "lost");
  }
  setTimeout(ask, POLL_MS);
}

async function askOnce() {
  try {
    const answer = await fetch("/onboarding/standing", { headers: { Accept: "application/json" } });
    if (answer.ok) show(await answer.json());
    return answer.status;
  } catch {
    return 0;
  }
}

if (part("progress")) listen();
offerTestCalls();
