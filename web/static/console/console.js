// The console page: socket → store → list and transcript. Words are shown, and written nowhere else.

import { CallList } from "./calls/call_list.js";
import { needsAttention } from "./calls/call_state.js";
import { CallsStore } from "./calls/calls_store.js";
import { now, setClock } from "./clock.js";
import { Connection } from "./connection/connection.js";
import { part, put } from "../dom.js";
import { listen, shortcutsOn, turnShortcuts } from "./keys.js";
import { LinkPanel } from "./link_panel.js";
import { MissingCalls } from "./missing_calls.js";
import { PhonePanel } from "./phone/phone_panel.js";
import { offerTestCalls } from "../test_call.js";
import { csrfToken, signedInUntil } from "./sign_in.js";
import { SignInPanel } from "./sign_in_panel.js";
import { StopWords } from "./stop_words.js";
import { TranscriptPanel } from "./calls/transcript_panel.js";
import { DIRECTIONS } from "./wording.js";

const ENDED_STAYS_MS = 4000; // so that the list does not jump under the pointer
const KEPT_MS = 10 * 60_000; // words of a sign-in that ran out, for who is about to sign in again
const CLOCKS_DIFFER_MS = 5_000; // between the one that ended the sign-in and ours
const REDRAWN = new Set(["all", "started", "stopped"]); // where words may have gone, from the screen reader's log, too

const NO_CALLS = { open: "No live calls.", barred: "Calls are not shown now." }; // of the others nobody knows

const page = document.body.dataset;
const isAgent = page.role === "agent";
const members = new Map([...part("members").content.children].map((member) => [member.value, member.textContent]));

let selected = null; // the id of the call being read
let status = "connecting";
let paymentNotice = null; // from the server: what is wrong with the payment
let keptUntil = null; // ms since 1970: when the words are removed after the sign-in expired
let mustReload = false; // the page was rendered for another role
let drawing = false;
const changed = { all: false, about: false, calls: new Set(), lines: new Set() };

const store = new CallsStore(isAgent ? page.memberId : null);
const isLive = () => status === "open";
const panel = new TranscriptPanel({ nameOf, isLive, onClear: leave });
const list = new CallList({ list: part("call-list"), template: part("call-row"), nameOf, isLive, onSelect: choose });
const stopWords = new StopWords({ csrfToken, nameOf, onStopped: (id) => hear({ type: "call.stopped", call: id }) });
const link = new LinkPanel({ onRetry: () => connection.renew() });
const missing = new MissingCalls({ store, onEnded: endMissing });
const signIn = new SignInPanel({ onRenewed: comeBack, onSignedOut: () => connection.signOut() });
const connection = new Connection({ onEvent: hear, onStatus: turn, onAnswer: heed });
const phone = page.voice === "on" ? newPhone() : null;

// Events of the socket

function hear(event) {
  if (stopWords.drops(event)) return;
  const change = store.apply(event);
  if (!change) return;
  stopWords.forget(store);
  if (change.kind === "all") renewSelected();
  if (change.kind === "started") welcome(change.call);
  if (change.kind === "ended") bidFarewell(change.call);
  if (REDRAWN.has(change.kind) && store.calls.get(selected)?.state === "stopped") panel.show(store.calls.get(selected));
  note(change);
}

// After a reconnect, remove calls that have ended, except the selected one.
function renewSelected() {
  for (const call of store.inOrder()) if (call.state === "ended") bidFarewell(call);
  missing.watch();
  const call = store.calls.get(selected);
  if (call) panel.refresh(call);
  else select(firstLive());
}

function welcome(call) {
  if (call.id === selected) return panel.refresh(call);
  const reading = store.calls.get(selected);
  if (!reading || (isAgent && reading.state === "ended")) select(call.id);
}

function bidFarewell(call) {
  if (call.id === selected) return;
  store.forgetWords(call);
  setTimeout(() => {
    if (call.id !== selected && store.calls.get(call.id) === call) store.drop(call.id);
    note({ kind: "all" });
  }, ENDED_STAYS_MS);
}

function endMissing(call) {
  bidFarewell(call);
  note({ kind: "ended", call });
}

// The answer to a ticket request.
function heed(answer) {
  if (!Number.isNaN(answer.saidAt)) setClock(answer.saidAt);
  if (answer.notice !== undefined) link.tell((paymentNotice = answer.notice));
  if (answer.role && answer.role !== page.role) changeRole();
}

// The new role may not see what the old one saw.
function changeRole() {
  mustReload = true;
  connection.close();
  forgetAll();
}

function turn(becomes, waitMs) {
  const expired = becomes === "signed-out" && signedInUntil() <= now() + CLOCKS_DIFFER_MS;
  if (expired) keptUntil ??= now() + KEPT_MS;
  if (becomes === "open") keptUntil = null;
  status = becomes;
  link.show(becomes, waitMs, expired);
  if ((becomes === "signed-out" && !expired) || becomes === "barred") forgetAll();
  note({ kind: "all" });
  drawNow();
}

// The member has signed in again, in another tab.
function comeBack() {
  if (status === "signed-out") connection.renew();
}

// Selecting a call

function choose(id) {
  select(id);
  part("main").dataset.pane = "words";
  if (part("call-list").offsetParent === null) part("scroller").focus(); // on a narrow screen the list has just gone
}

// Deselecting an ended call removes its words from the page.
function select(id) {
  if (store.calls.get(selected)?.state === "ended" && id !== selected) store.drop(selected);
  if (id !== selected || id === null) panel.show(store.calls.get(id) ?? null);
  selected = id;
  part("main").dataset.pane = isAgent && id ? "words" : "list";
  note({ kind: "all" });
}

function leave() {
  select(isAgent ? firstLive() : null);
  if (store.calls.size) list.move(0);
  else part("main").focus();
}

// Back to the list, on a narrow screen.
function goBack() {
  part("main").dataset.pane = "list";
  list.move(0);
}

function firstLive() {
  return store.inOrder().find((call) => call.state !== "ended")?.id ?? null;
}

function nameOf(call) {
  if (isAgent) return `${DIRECTIONS[call.direction] ?? ""} call`;
  if (!call.agent) return "Not answered yet";
  return members.get(call.agent) ?? `Agent ${call.agent.slice(-4)}`;
}

// Nothing of a call outlives the page, not even in the browser's back/forward cache.
function forgetAll() {
  store.calls.clear();
  select(null);
  drawNow();
}

// Drawing: once a frame, only what changed

function note({ kind, call, line }) {
  if (kind === "all" || kind === "started") changed.all = changed.about = true;
  else if (kind !== "latency") changed.calls.add(call);
  if (call?.id === selected && line) changed.lines.add(line);
  else if (call?.id === selected) changed.about = true;
  if (drawing) return;
  drawing = true;
  if (document.hidden) setTimeout(drawNow, 250);
  else requestAnimationFrame(drawNow);
}

function drawNow() {
  drawing = false;
  const call = store.calls.get(selected);
  if (changed.all) drawList();
  else for (const each of changed.calls) list.update(each, selected);
  if (changed.about && call) panel.about();
  stopWords.show(call ?? null);
  if (changed.lines.size && call) panel.draw([...changed.lines].filter((line) => call.byKey.get(line.key) === line));
  if (changed.all || changed.calls.size) drawCounts();
  changed.all = changed.about = false;
  changed.calls.clear();
  changed.lines.clear();
}

function drawList() {
  const calls = store.inOrder();
  const shown = list.draw(calls, selected);
  part("calls-empty").hidden = shown > 0;
  put(part("calls-empty-words"), calls.length ? "No call matches." : (NO_CALLS[status] ?? ""));
  if (part("test-call")) part("test-call").hidden = calls.length > 0 || !isLive();
  const [title, hint] = placeholderWords(calls.length);
  put(part("placeholder-title"), title);
  put(part("placeholder-hint"), hint);
  showTimes();
}

function placeholderWords(count) {
  if (status === "barred") return ["Live words are off.", barredHint()];
  if (status === "signed-out") return ["You are signed out.", ""];
  if (count) return ["Choose a call to read along.", "Arrow keys and Enter work too."];
  if (status !== "open") return ["Connecting", ""];
  const idle = phone && !phone.available ? " You are not taking calls: switch on “Taking calls” to be rung." : "";
  return ["No live calls.", `Words will appear here as they are spoken.${idle}`];
}

function barredHint() {
  const calls = paymentNotice?.connects ? "Calls still connect, without words. " : "";
  return `${calls}This page checks by itself, and shows words again once payment is sorted out.`;
}

function drawCounts() {
  const live = store.live();
  put(part("call-count"), live.length && isLive() ? String(live.length) : "");
  const attention = part("attention");
  if (!attention) return;
  const count = live.filter((call) => needsAttention(call, isLive())).length;
  attention.hidden = count === 0 && attention.getAttribute("aria-pressed") === "false";
  put(attention, count === 1 ? "1 needs attention" : `${count} need attention`);
}

// The clock

function showTimes() {
  list.tick(store.live(), now());
  panel.tick(now());
}

function tick() {
  for (const call of store.live()) if (call.unsettledSince !== null) note({ kind: "facts", call }); // its grace may be over
  showTimes();
  phone?.tick();
  signIn.tick(now(), status === "signed-out");
  if (keptUntil !== null && now() >= keptUntil) forgetAll();
  if (mustReload && !phone?.busy) location.reload();
}

// Keyboard and buttons

function newPhone() {
  const onTalking = (id) => store.calls.has(id) && choose(id);
  const sdk = { url: page.voiceSdkUrl, integrity: page.voiceSdkIntegrity };
  const beganAt = (id) => store.calls.get(id)?.startedAt ?? null;
  return new PhonePanel({ sdk, csrfToken, beganAt, onTalking, onAvailable: () => note({ kind: "all" }) });
}

function openHelp() {
  part("shortcuts").checked = shortcutsOn();
  part("help").showModal();
}

function toggleAttention(event) {
  const pressed = event.currentTarget.getAttribute("aria-pressed") !== "true";
  event.currentTarget.setAttribute("aria-pressed", String(pressed));
  list.filter({ attention: pressed });
  note({ kind: "all" });
}

function typeFilter(event) {
  list.filter({ text: event.currentTarget.value });
  note({ kind: "all" });
}

offerTestCalls();
part("help-open").addEventListener("click", openHelp);
part("shortcuts").addEventListener("change", (event) => turnShortcuts(event.currentTarget.checked));
part("back").addEventListener("click", goBack);
part("attention")?.addEventListener("click", toggleAttention);
part("filter")?.addEventListener("input", typeFilter);

const isReading = (event) => event.target.closest("#scroller") !== null; // there the arrows scroll
listen({
  j: () => list.move(1),
  k: () => list.move(-1),
  ArrowDown: (event) => (isReading(event) ? false : list.move(1)),
  ArrowUp: (event) => (isReading(event) ? false : list.move(-1)),
  End: () => panel.toEnd(),
  "/": () => (part("filter") ? part("filter").focus() : false),
  "?": openHelp,
  "+": () => panel.resize(1),
  "=": () => panel.resize(1),
  "-": () => panel.resize(-1),
  ...(phone?.shortcuts ?? {}),
});

addEventListener("pagehide", () => {
  connection.close();
  forgetAll();
});
addEventListener("pageshow", (event) => event.persisted && connection.renew());

setInterval(tick, 1000);
connection.renew();
