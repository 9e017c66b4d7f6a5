// The console page: socket → store → list and transcript. Words are shown, and written nowhere else.

import { CallList } from "./call_list.js";
import { CallsStore } from "./calls_store.js";
import { Connection } from "./connection.js";
import { part, put } from "./dom.js";
import { listen, shortcutsOn, turnShortcuts } from "./keys.js";
import { LinkPanel } from "./link_panel.js";
import { PhonePanel } from "./phone_panel.js";
import { TranscriptPanel } from "./transcript_panel.js";
import { DIRECTIONS, needsAttention } from "./wording.js";

const ENDED_STAYS_MS = 4000; // so that the list does not jump under the pointer
const ASLEEP_MS = 20_000; // a tick this late: the machine slept, and the socket may be dead without knowing it

const page = document.body.dataset;
const isAgent = page.role === "agent";
const csrfToken = document.querySelector('meta[name="csrf-token"]').content;
const members = new Map([...part("members").content.children].map((member) => [member.value, member.textContent]));

let selected = null; // the id of the call being read
let status = "connecting";
let trouble = null; // with the money
let clockSkew = 0; // the server's clock less this one's, ms
let lastTick = Date.now();
let drawing = false;
const changed = { all: false, about: false, calls: new Set(), lines: new Set() };

const store = new CallsStore(isAgent ? page.memberId : null);
const panel = new TranscriptPanel({ nameOf, onClear: leave });
const list = new CallList({ list: part("call-list"), template: part("call-row"), nameOf, onSelect: choose });
const link = new LinkPanel({ onRetry: () => connection.renew() });
const connection = new Connection({ csrfToken, onEvent: hear, onStatus: turn, onServerTime: setClock, onTrouble: heed });
const phone = page.voice === "on" ? newPhone() : null;

// What the socket says

function hear(event) {
  const change = store.apply(event);
  if (!change) return;
  if (change.kind === "all") renewSelected();
  if (change.kind === "started") welcome(change.call);
  if (change.kind === "ended") bidFarewell(change.call);
  note(change);
}

// After a reconnect: calls that ended meanwhile go, but for the one that is being read.
function renewSelected() {
  for (const call of store.inOrder()) if (call.state === "ended" && call.id !== selected) store.drop(call.id);
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

function heed(now) {
  trouble = now;
  link.tell(now);
}

function turn(now, waitMs) {
  status = now;
  link.show(now, waitMs);
  panel.stale(now !== "open");
  if (now === "signed-out" || now === "barred") forgetAll();
}

// Who reads what

function choose(id) {
  select(id);
  part("main").dataset.pane = "words";
  if (part("call-list").offsetParent === null) part("scroller").focus(); // on a narrow screen the list has just gone
}

// Leaving an ended call is what takes its words off the page.
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

// To the list, on a narrow screen.
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

// Nothing of a call outlives the page: not in memory, not in the browser's own store of pages to go back to.
function forgetAll() {
  store.calls.clear();
  select(null);
  drawNow();
}

// Drawing: once a frame, only what changed

function note({ kind, call, line }) {
  if (kind === "all" || kind === "started") changed.all = true;
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
  put(part("calls-empty"), calls.length ? "No call matches." : status === "barred" ? "Calls are not shown now." : "No live calls.");
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
  const calls = trouble?.connects ? "Calls still connect, without words. " : "";
  return `${calls}This page looks by itself, and shows words again once that is seen to.`;
}

function drawCounts() {
  const live = store.live();
  put(part("call-count"), live.length ? String(live.length) : "");
  const attention = part("attention");
  if (!attention) return;
  const count = live.filter(needsAttention).length;
  attention.hidden = count === 0 && attention.getAttribute("aria-pressed") === "false";
  put(attention, count === 1 ? "1 needs attention" : `${count} need attention`);
}

// The clock

function setClock(serverMs) {
  clockSkew = serverMs - Date.now();
}

function showTimes() {
  const now = Date.now() + clockSkew;
  list.tick(store.live(), now);
  panel.tick(now);
}

function tick() {
  const late = Date.now() - lastTick > ASLEEP_MS;
  lastTick = Date.now();
  if (late && !document.hidden && status === "open") connection.renew();
  showTimes();
  phone?.tick();
}

// The reader's hands

function newPhone() {
  const onTalking = (id) => store.calls.has(id) && choose(id);
  return new PhonePanel({ sdk: { url: page.voiceSdkUrl, integrity: page.voiceSdkIntegrity }, csrfToken, onTalking, onAvailable: () => note({ kind: "all" }) });
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
  a: () => (phone ? phone.answer() : false),
  h: () => (phone ? phone.hangUp() : false),
  m: () => (phone ? phone.toggleMute() : false),
});

addEventListener("pagehide", () => {
  connection.close();
  forgetAll();
});
addEventListener("pageshow", (event) => event.persisted && connection.renew());

setInterval(tick, 1000);
connection.renew();
