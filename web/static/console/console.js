// The console page: socket → store → list and transcript. Words are shown, and written nowhere else.

import { CallList } from "./calls/call_list.js";
import { shownState } from "./calls/call_state.js";
import { CallsStore } from "./calls/calls_store.js";
import { now, setClock } from "./clock.js";
import { Connection } from "./connection/connection.js";
import { part, put } from "../dom.js";
import { listen, shortcutsOn, turnShortcuts } from "./keys.js";
import { Company } from "./helping/company.js";
import { HelpBar } from "./helping/help_bar.js";
import { Helping } from "./helping/helping.js";
import { Opening } from "./helping/opening.js";
import { LinkPanel } from "./link_panel.js";
import { MissingCalls } from "./missing_calls.js";
import { PhonePanel } from "./phone/phone_panel.js";
import { RoomsPanel } from "./phone/panels/rooms_panel.js";
import { Shell } from "./shell.js";
import { offerTestCalls } from "../test_call.js";
import { csrfToken, signedInUntil } from "./sign_in.js";
import { SignInPanel } from "./sign_in_panel.js";
import { StopWords } from "./stop_words.js";
import { TranscriptPanel } from "./calls/transcript_panel.js";
import { Alerts } from "./wall/alerts.js";
import { Callers } from "./wall/callers.js";
import { factsOf } from "./wall/facts.js";
import { RowTools } from "./wall/row_tools.js";
import { Tiles } from "./wall/tiles.js";
import { Wall } from "./wall/wall.js";
import { WallTools } from "./wall/wall_tools.js";
import { DIRECTIONS } from "./wording.js";

const ENDED_STAYS_MS = 4000; // so that the list does not jump under the pointer
const NARROW_PX = 768; // where the list of calls and the phone share one column
const MOVES_MS = 2_000; // between two looks at an order, or a choice, that changes by itself
const KEPT_MS = 10 * 60_000; // words of a sign-in that ran out, for who is about to sign in again
const CLOCKS_DIFFER_MS = 5_000; // between the one that ended the sign-in and ours
const REDRAWN = new Set(["all", "started", "stopped"]); // where words may have gone, from the screen reader's log, too

const TO_BE_RUNG = { dial: "switch on “Taking calls” to be rung.", rooms: "choose “Available” to be rung." };
const NO_CALLS = { open: "No live calls.", barred: "Calls are not shown now." }; // of the others nobody knows

const page = document.body.dataset;
const isAgent = page.role === "agent";
const members = new Map([...part("members").content.children].map((member) => [member.value, member.textContent]));

let selected = null; // the id of the call that is read alone
let lately = new Set(); // the ids of the calls that are shown
let movedAt = 0; // when the list was put in order
let matching = 0; // how many live calls the filter lets through
let status = "connecting";
let paymentNotice = null; // from the server: what is wrong with the payment
let keptUntil = null; // ms since 1970: when the words are removed after the sign-in expired
let mustReload = false; // the page was rendered for another role
let drawing = false;
let helping = null; // what a supervisor can do, and where it is done
let helpBar = null;
const changed = { all: false, about: false, calls: new Set(), lines: new Map() };

const store = new CallsStore(isAgent ? page.memberId : null);
const isLive = () => status === "open";
const panel = new TranscriptPanel({ nameOf, isLive, onClear: leave, send: (message) => connection.send(message), onUntranslated: untranslate });
const list = new CallList({ list: part("call-list"), template: part("call-row"), factsOf: factsNow, isLive, onSelect: choose });
const wall = isAgent ? null : new Wall({ callOf: (id) => store.calls.get(id), onTurn: showTurned });
const tiles = wall && new Tiles({ factsOf: factsNow, mayShow, whyNot, onDo: press });
const stopWords = new StopWords({ csrfToken, nameOf, onStopped: (id) => hear({ type: "call.stopped", call: id }) });
const link = new LinkPanel({ onRetry: () => connection.renew() });
const missing = new MissingCalls({ store, onEnded: endMissing });
const signIn = new SignInPanel({ onRenewed: comeBack, onSignedOut: signOut });
const connection = new Connection({ onEvent: hear, onStatus: turn, onAnswer: heed });
const send = (said) => connection.send(said);
const opening = new Opening({ csrfToken, me: page.memberId, needsNone: isAgent, send, onChange: showOpened });
const callers = new Callers();
const tools = wall && new WallTools({ me: page.memberId, onChange: chooseAgain });
const alerts = wall && new Alerts(Object.fromEntries([...part("alert-limits").content.children].map(({ value, textContent }) => [textContent, Number(value)])));
const company = new Company({ me: page.memberId, send });
const phone = page.voice === "on" ? newPhone() : null;
if (phone?.desk && !isAgent) {
  helping = new Helping({ phone: phone.desk, csrfToken });
  helpBar = new HelpBar({ helping, me: page.memberId, nameOf, onRead: choose });
}
if (wall) new RowTools({ list: part("call-list"), canHelp: (id) => helpBar?.canHelpIn(store.calls.get(id)) ?? false, onDo: press });

// Events of the socket

function hear(event) {
  if (stopWords.drops(event)) return;
  if (event.type === "translation.failed") return panel.translation.failed(event);
  const change = store.apply(event);
  if (!change) return;
  stopWords.forget(store);
  if (change.kind === "translation" && !panel.translation.came(change.call, event.to)) return void delete change.line.translation;
  if (change.kind === "all") renewShown();
  if (change.kind === "words") showWords(change.call);
  if (change.kind === "started") welcome(change.call);
  if (change.kind === "ended") bidFarewell(change.call);
  if (REDRAWN.has(change.kind) && store.calls.get(selected)?.state === "stopped") panel.show(readable());
  if (REDRAWN.has(change.kind)) showTiles();
  if (event.type === "call.assigned" && tools?.isOfGroup) showNewest(change.call); // whose it is was not known before
  note(change);
  if (change.kind === "stopped") drawNow(); // words that were stopped leave every part of the page at once
}

// After a reconnect, remove calls that have ended, except those that are shown.
function renewShown() {
  for (const call of store.inOrder()) if (call.state === "ended") bidFarewell(call);
  missing.watch();
  const call = store.calls.get(selected);
  if (!call && (isAgent || wall.kind === "wall")) select(firstLive(), true);
  else if (call) showWords(call);
  for (const each of tiles ? shownCalls() : []) tiles.refresh(each);
}

// The ids of the calls whose words are shown.
function shown() {
  if (wall) return wall.shown;
  return selected === null ? [] : [selected];
}

function shownCalls() {
  return shown().map((id) => store.calls.get(id)).filter(Boolean);
}

function isShown(id) {
  return shown().includes(id);
}

function mayShow(call) {
  return opening.mayShow(call) && (call.agent === page.memberId || store.hasWords(call));
}

function whyNot(call) {
  return opening.refused(call.id) || "Opening";
}

// The call that is read alone, if its words may be shown.
function readable() {
  const call = store.calls.get(selected);
  return call && mayShow(call) ? call : null;
}

// A call was written down as read, or could not be.
function showOpened() {
  panel.show(readable());
  showTiles();
  note({ kind: "all" });
}

// The server has told a call's words whole.
function showWords(call) {
  if (call.id === selected && readable()) {
    if (panel.isShowing(call)) panel.refresh(call);
    else panel.show(call);
  }
  if (!isShown(call.id)) return;
  tiles?.update(call);
  tiles?.refresh(call);
}

function showTiles() {
  tiles?.show(wall.places, (id) => store.calls.get(id));
}

function welcome(call) {
  showNewest(call);
  if (call.id === selected) return readable() ? panel.refresh(call) : undefined;
  const read = store.calls.get(selected);
  if (isAgent ? !read || read.state === "ended" : wall.kind === "wall" && call.agent === page.memberId) select(call.id, true);
}

function showNewest(call) {
  if (tools?.isSeen(call)) wall.began(call.id);
}

function bidFarewell(call) {
  if (isShown(call.id)) return;
  store.forgetWords(call);
  setTimeout(() => {
    if (!isShown(call.id) && store.calls.get(call.id) === call) store.drop(call.id);
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
  if (becomes === "open") {
    panel.translation.connected();
    opening.connected();
  }
  note({ kind: "all" });
  drawNow();
}

function untranslate(call) {
  store.forgetTranslations(call);
  panel.refresh(call);
}

// The member has signed out in another tab.
function signOut() {
  connection.signOut();
  phone?.signOut?.();
}

// The member has signed in again, in another tab.
function comeBack() {
  phone?.signIn?.();
  if (status === "signed-out") connection.renew();
}

// Selecting a call

function choose(id) {
  select(id);
  part("main").dataset.pane = "words";
  if (part("call-list").offsetParent === null) part("scroller").focus(); // on a narrow screen the list has just gone
}

// Read a call alone, or none (null). `isOwn`: nobody has asked for it, the page does so by itself.
function select(id, isOwn = false) {
  if (wall) wall.open(id, isOwn);
  else turnTo(id);
}

// The wall shows other calls than before.
function showTurned() {
  turnTo(wall.call);
  part("main").dataset.view = wall.kind;
  part("newest").setAttribute("aria-pressed", String(wall.followsNewest));
  showTiles();
}

function turnTo(id) {
  const isAnother = id !== selected || id === null;
  selected = id;
  const now = new Set(shown());
  for (const each of lately) if (!now.has(each)) letGo(store.calls.get(each));
  lately = now;
  follow();
  if (isAnother) panel.show(readable());
  part("main").dataset.pane = (isAgent && id) || (wall && wall.kind !== "wall") ? "words" : "list";
  note({ kind: "all" });
}

function follow() {
  if (wall) connection.follow({ rows: true, calls: wall.shown });
}

// The words of a call that is shown no longer leave the page.
function letGo(call) {
  if (call?.state === "ended") store.drop(call.id);
  else if (call && wall) store.unfollow(call);
}

// A button of a row or of a tile.
function press(what, id) {
  const actions = { open: choose, beside: (each) => wall.toggle(each), pin: (each) => wall.pin(each), close: (each) => wall.close(each), snooze };
  const helps = { listen: helpBar?.listen, whisper: helpBar?.whisper, barge: helpBar?.barge, "take-over": helpBar?.takeOver };
  if (actions[what]) return actions[what](id);
  helps[what]?.(store.calls.get(id));
}

function snooze(id) {
  alerts.snooze(id, now());
  note({ kind: "facts", call: store.calls.get(id) });
}

// The call that the keyboard points at, in the list or in a tile.
function pointed() {
  return store.calls.get(list.focused ?? tiles?.focused) ?? null;
}

function leave() {
  select(isAgent ? firstLive() : null);
  if (store.calls.size) list.move(0);
  else part("main").focus();
}

// Back to the list.
function goBack() {
  if (wall) wall.open(null);
  part("main").dataset.pane = "list";
  list.move(0);
}

// The call that is read without being asked for: of a supervisor only their own.
function firstLive() {
  const isOwn = (call) => isAgent || call.agent === page.memberId;
  return store.inOrder().find((call) => call.state !== "ended" && isOwn(call))?.id ?? null;
}

function factsNow(call) {
  const beside = { who: nameOf(call), customer: callers.customer(call.id), hand: callers.hand(call.id) };
  return factsOf(call, { ...beside, raised: alerts?.of(call.id), isLive: isLive(), now: now() });
}

function nameOf(call) {
  const caller = phone?.callerOf?.(call.id);
  if (caller) return caller;
  if (isAgent) return `${DIRECTIONS[call.direction] ?? ""} call`;
  if (!call.agent) return "Not answered yet";
  return members.get(call.agent) ?? `Agent ${call.agent.slice(-4)}`;
}

// Nothing of a call outlives the page, not even in the browser's back/forward cache.
function forgetAll() {
  store.calls.clear();
  if (isAgent) select(null);
  panel.show(null);
  showTiles();
  note({ kind: "all" });
  drawNow();
}

// Drawing: once a frame, only what changed

function note({ kind, call, calls = call ? [call] : [], line }) {
  if (kind === "all" || kind === "started") changed.all = changed.about = true;
  else if (kind !== "translation" && (wall || kind !== "latency")) for (const each of calls) changed.calls.add(each);
  if (line && isShown(call.id)) changed.lines.set(call, (changed.lines.get(call) ?? new Set()).add(line));
  if (calls.some(({ id }) => id === selected) && (!line || kind === "phrase")) changed.about = true;
  if (drawing) return;
  drawing = true;
  if (document.hidden) setTimeout(drawNow, 250);
  else requestAnimationFrame(drawNow);
}

function drawNow() {
  drawing = false;
  const call = readable();
  const read = new Set(shown());
  if (changed.all) drawList(read);
  else for (const each of changed.calls) list.update(each, read);
  for (const each of tiles ? shownCalls() : []) if (changed.all || changed.calls.has(each)) tiles.update(each);
  if (changed.about && call) panel.about();
  follow();
  opening.turnTo(shownCalls());
  stopWords.show(call);
  helpBar?.show(call);
  company.show(call);
  for (const [each, lines] of changed.lines) drawLines(each, [...lines].filter((line) => each.byKey.get(line.key) === line), call);
  if (changed.all || changed.calls.size) drawCounts();
  changed.all = changed.about = false;
  changed.calls.clear();
  changed.lines.clear();
}

function drawLines(call, lines, alone) {
  if (call === alone) panel.draw(lines);
  else tiles?.draw(call, lines);
}

function drawList(read) {
  const calls = store.inOrder();
  matching = list.draw(calls, read);
  movedAt = now();
  part("calls-empty").hidden = part("call-list").childElementCount > 0;
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
  const why = opening.refused(selected);
  if (store.calls.has(selected) && !readable()) return [why ? "This call cannot be read now." : "Opening", why];
  if (wall?.call && isLive()) return ["This call is over.", "The server has forgotten its words."];
  if (count) return ["Choose a call to read along.", "Arrow keys and Enter work too."];
  if (status !== "open") return ["Connecting", ""];
  const idle = phone && !phone.available ? ` You are not taking calls: ${TO_BE_RUNG[page.phone]}` : "";
  return ["No live calls.", `Words will appear here as they are spoken.${idle}`];
}

function barredHint() {
  const calls = paymentNotice?.connects ? "Calls still connect, without words. " : "";
  return `${calls}This page checks by itself, and shows words again once payment is sorted out.`;
}

function drawCounts() {
  const calls = store.live();
  const count = list.isFiltered ? `${matching} of ${calls.length}` : String(calls.length);
  put(part("call-count"), calls.length && isLive() ? count : "");
  tools?.showNeedy(calls.filter((call) => tools.isSeen(call) && factsNow(call).isNeedy).length);
}

// The clock

function showTimes() {
  list.tick(store.live(), now());
  panel.tick(now());
  tiles?.tick(now());
}

function tick() {
  for (const call of alerts?.look(store.live(), (each) => shownState(each, isLive()), now()) ?? []) note({ kind: "facts", call });
  if (wall && list.isMoving && !list.isInUse && now() - movedAt >= MOVES_MS) note({ kind: "all" });
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
  const onAvailable = () => note({ kind: "all" });
  const beganAt = (id) => store.calls.get(id)?.startedAt ?? null;
  if (page.phone === "dial") return new PhonePanel({ sdk, csrfToken, beganAt, onTalking, onAvailable });
  const onStopWords = (id, name) => stopWords.ask(id, name);
  const onDraw = () => {
    helpBar?.draw();
    if (helpBar && callers.hear(phone.desk.state)) note({ kind: "all" });
    if (helpBar && tools.hear(phone.desk.state)) chooseAgain();
  };
  const supervises = isAgent ? {} : { onSwitchOff: (member) => helping.switchOff(member), onListen: (id) => helping.listen(id), seen: () => tools.people };
  return new RoomsPanel({ member: page.memberId, sdk, csrfToken, onTalking, onStopWords, onChange: onAvailable, onDraw, ...supervises });
}

function helpKeys(phoneKeys) {
  return {
    "Alt+g": () => helpBar.listen(pointed()),
    "Alt+q": () => helpBar.whisper(pointed()),
    "Alt+b": () => helpBar.barge(pointed()),
    "Alt+y": () => helpBar.takeOver(pointed()),
    "Alt+z": helpBar.end,
    "Alt+l": () => helpBar.leave() || phoneKeys["Alt+l"](),
  };
}

function wallKeys() {
  const besides = () => pointed() ?? store.calls.get(selected);
  return {
    b: () => (besides() ? wall.toggle(besides().id) : false),
    n: toggleNewest,
    o: () => part("order").focus(),
    u: () => (part("group").hidden ? false : part("group").focus()),
    w: goBack,
    z: () => (pointed() ? snooze(pointed().id) : false),
    x: () => (tiles.focused ? wall.pin(tiles.focused) : false),
  };
}

function toggleNewest() {
  wall.toggleNewest(store.live().filter((call) => tools.isSeen(call)).sort((a, b) => b.startedAt - a.startedAt)[0]?.id ?? null);
}

function openHelp() {
  part("shortcuts").checked = shortcutsOn();
  part("help").showModal();
}

// Other calls, callers and colleagues are to be shown, or in another order.
function chooseAgain() {
  list.filter(tools.filter);
  phone?.drawLists?.();
  note({ kind: "all" });
}

offerTestCalls();
part("help-open").addEventListener("click", openHelp);
part("shortcuts").addEventListener("change", (event) => turnShortcuts(event.currentTarget.checked));
part("back").addEventListener("click", goBack);
part("newest")?.addEventListener("click", toggleNewest);
part("tiles-back")?.addEventListener("click", goBack);

const isReading = (event) => event.target.closest(".scroller") !== null; // there the arrows scroll
const shortcuts = {
  j: () => list.move(1),
  k: () => list.move(-1),
  ArrowDown: (event) => (isReading(event) ? false : list.move(1)),
  ArrowUp: (event) => (isReading(event) ? false : list.move(-1)),
  "/": () => (part("filter") ? part("filter").focus() : false),
  "?": openHelp,
  ...panel.shortcuts,
  ...(phone?.shortcuts ?? {}),
  ...(isAgent ? {} : { "Alt+u": () => company.focus() }),
  ...(wall ? wallKeys() : {}),
  ...(helpBar ? helpKeys(phone.shortcuts) : {}),
};
listen(shortcuts);
if (part("page-frame")) new Shell({ shortcuts, onHome: comeHome });

// The live calls are shown again, with what was read before; or, asked for while they are, all of them.
function comeHome(isThere) {
  if (isThere) wall?.open(null);
  else wall?.mark();
  note({ kind: "all" });
}

addEventListener("pagehide", () => {
  connection.close();
  forgetAll();
});
addEventListener("pageshow", (event) => event.persisted && connection.renew());

setInterval(tick, 1000);
if (wall) chooseAgain();
if (wall) showTurned();
if (wall && innerWidth > NARROW_PX) for (const id of ["waiting", "team"]) part(id)?.setAttribute("open", "");
connection.renew();
