// The console page: socket → store → list and transcript. Words are shown, and written nowhere else.
//
// Here its parts are put together. calls/shown_calls.js knows which words are on the page, calls/changes.js what is to be drawn,
// connection/page_status.js whether what the page shows is live, wall/ what supervisors have.

import { CallFacts } from "./calls/call_facts.js";
import { shownState } from "./calls/call_state.js";
import { CallsPane } from "./calls/calls_pane.js";
import { CallsStore } from "./calls/calls_store.js";
import { Changes } from "./calls/changes.js";
import { placeholderWords } from "./calls/placeholder_words.js";
import { ShownCalls } from "./calls/shown_calls.js";
import { TranscriptPanel } from "./calls/transcript_panel.js";
import { now } from "./clock.js";
import { Connection } from "./connection/connection.js";
import { PageStatus } from "./connection/page_status.js";
import { part } from "../dom.js";
import { listen, shortcutsOn, turnShortcuts } from "./keys.js";
import { ReadAlong } from "./helping/read_along.js";
import { HelpBar } from "./helping/help_bar.js";
import { Helping } from "./helping/helping.js";
import { Opening } from "./helping/opening.js";
import { LinkPanel } from "./link_panel.js";
import { MissingCalls } from "./missing_calls.js";
import { RoomsPanel } from "./phone/panels/rooms_panel.js";
import { PhonePanel } from "./phone/phone_panel.js";
import { Shell } from "./shell.js";
import { offerTestCalls } from "./test_call.js";
import { csrfToken } from "./connection/sign_in.js";
import { SignInPanel } from "./connection/sign_in_panel.js";
import { StopWords } from "./stop_words.js";
import { Alerts } from "./wall/alerts.js";
import { RowTools } from "./wall/row_tools.js";
import { Tiles } from "./wall/tiles.js";
import { Wall } from "./wall/wall.js";
import { WallActions } from "./wall/wall_actions.js";
import { WallTools } from "./wall/wall_tools.js";
import "../people/account.js";

const NARROW_PX = 768; // where the list of calls and the phone share one column
const REDRAWN = new Set(["all", "started", "stopped"]); // where words may have gone, from the screen reader's log, too

const page = document.body.dataset;
const me = page.memberId;
const isAgent = page.role === "agent";

let helping = null; // what a supervisor can do, and where it is done
let helpBar = null;

const send = (said) => connection.send(said);
const redraw = () => changes.note({ kind: "all" });
const store = new CallsStore(isAgent ? me : null);
const link = new LinkPanel({ onRetry: () => connection.renew() });
const pageStatus = new PageStatus({ role: page.role, link, onChange: turned, onForget: forgetAll, onOtherRole: stop });
const connection = new Connection({ onEvent: hear, onStatus: (...how) => pageStatus.turn(...how), onAnswer: (answer) => pageStatus.heed(answer) });
const alerts = isAgent ? null : new Alerts(Object.fromEntries([...part("alert-limits").content.children].map(({ value, textContent }) => [textContent, Number(value)])));
const facts = new CallFacts({ isAgent, pageStatus, alerts, phone: () => phone });
const panel = new TranscriptPanel({ nameOf: facts.nameOf, isLive: () => pageStatus.isLive, onClear: leave, send, onUntranslated: untranslate });
const opening = new Opening({ csrfToken, me, needsNone: isAgent, send, onChange: showOpened });
const wall = isAgent ? null : new Wall({ callOf: (id) => store.calls.get(id), onChange: () => shown.turn() });
const tiles = wall && new Tiles({ factsOf: facts.of, mayShow: (call) => shown.mayShow(call), whyNot: (call) => shown.whyNot(call), onDo: press });
const shown = new ShownCalls({ store, me, wall, panel, tiles, opening, onChange: turnedTo });
const changes = new Changes({ shown, showsDelays: Boolean(wall), onDraw: draw });
const tools = wall && new WallTools({ me, onChange: chooseAgain });
const pane = new CallsPane({ store, pageStatus, tools, factsOf: facts.of, placeholder, onSelect: choose });
const actions = wall && new WallActions({ store, wall, tools, tiles, alerts, pane, helpBar: () => helpBar, onRead: choose, onBack: goBack, onChange: (call) => changes.note({ kind: "facts", call }) });
const readAlong = new ReadAlong({ me, send });
const stopWords = new StopWords({ csrfToken, nameOf: facts.nameOf, onStopped: (id) => hear({ type: "call.stopped", call: id }) });
const missing = new MissingCalls({ store, onEnded: endMissing });
const signIn = new SignInPanel({ onRenewed: comeBack, onSignedOut: signOut });
const phone = page.voice === "on" ? newPhone() : null;
if (phone?.desk && !isAgent) {
  helping = new Helping({ phone: phone.desk, csrfToken });
  helpBar = new HelpBar({ helping, me, nameOf: facts.nameOf, onRead: choose });
}
if (wall) new RowTools({ list: part("call-list"), canHelp: (id) => actions.canHelp(id), onDo: press });

// What is heard

function hear(event) {
  if (stopWords.drops(event)) return;
  if (event.type === "translation.failed") return panel.translation.failed(event);
  const change = store.apply(event);
  if (!change) return;
  stopWords.forget(store);
  if (change.kind === "translation" && !panel.translation.came(change.call, event.to)) return void delete change.line.translation;
  if (change.kind === "all") renew();
  if (change.kind === "words") shown.refresh(change.call);
  if (change.kind === "started") welcome(change.call);
  if (change.kind === "ended") shown.bidFarewell(change.call);
  if (REDRAWN.has(change.kind)) shown.show({ isRead: store.calls.get(shown.selected)?.state === "stopped" });
  if (event.type === "call.assigned" && tools?.isOfGroup) showNewest(change.call); // whose it is was not known before
  changes.note(change);
  if (change.kind === "stopped") changes.draw(); // words that were stopped leave every part of the page at once
}

function renew() {
  shown.renew();
  missing.watch();
}

function welcome(call) {
  showNewest(call);
  shown.welcome(call);
}

function showNewest(call) {
  if (tools?.isSeen(call)) wall.began(call.id);
}

function endMissing(call) {
  shown.bidFarewell(call);
  changes.note({ kind: "ended", call });
}

// A call was written down as read, or could not be.
function showOpened() {
  shown.show();
  redraw();
}

function untranslate(call) {
  store.forgetTranslations(call);
  panel.refresh(call);
}

// How the page stands

function turned() {
  if (pageStatus.isLive) {
    panel.translation.connected();
    opening.connected();
  }
  redraw();
  changes.draw();
}

function stop() {
  connection.close();
  forgetAll();
}

// Nothing of a call outlives the page, not even in the browser's back/forward cache.
function forgetAll() {
  shown.forgetAll();
  redraw();
  changes.draw();
}

// The member has signed out in another tab.
function signOut() {
  connection.signOut();
  phone?.signOut?.();
}

// The member has signed in again, in another tab.
function comeBack() {
  phone?.signIn?.();
  if (pageStatus.status === "signed-out") connection.renew();
}

// What the reader does

// Other calls are shown, or there are others.
function turnedTo() {
  follow();
  redraw();
}

function choose(id) {
  shown.select(id);
  part("main").dataset.pane = "words";
  if (part("call-list").offsetParent === null) part("scroller").focus(); // on a narrow screen the list has just gone
}

// A button of a row or of a tile.
function press(what, id) {
  actions.press(what, id);
}

function leave() {
  shown.leave();
  if (store.calls.size) pane.move(0);
  else part("main").focus();
}

// Back to the list.
function goBack() {
  if (wall) wall.open(null);
  part("main").dataset.pane = "list";
  pane.move(0);
}

// Other calls, callers and colleagues are to be shown, or in another order.
function chooseAgain() {
  pane.filter(tools.filter);
  phone?.drawLists?.();
  redraw();
}

// The live calls are shown again, with what was read before; or, asked for while they are, all of them.
function comeHome(isThere) {
  if (isThere) wall?.open(null);
  else wall?.mark();
  redraw();
}

// What stands where words would.
function placeholder() {
  return placeholderWords({
    status: pageStatus.status,
    notice: pageStatus.notice,
    isOpening: store.calls.has(shown.selected) && !shown.read,
    refused: opening.refused(shown.selected),
    isGone: Boolean(wall?.call),
    count: store.calls.size,
    idlePhone: phone && !phone.available ? page.phone : null,
  });
}

// Drawing

function draw({ all, about, calls, lines }) {
  const [call, read] = [shown.settle(), new Set(shown.ids)];
  if (all) pane.draw(read);
  else pane.update(calls, read);
  for (const each of tiles ? shown.calls : []) if (all || calls.has(each)) tiles.update(each);
  if (about && call) panel.about();
  follow();
  opening.turnTo(shown.calls);
  stopWords.show(call);
  helpBar?.show(call);
  readAlong.show(call);
  shown.drawLines(lines);
  if (all || calls.size) pane.count();
  if (all) showTimes();
}

// Media tells the words of what is shown, and of other calls their rows.
function follow() {
  if (wall) connection.follow({ rows: true, calls: shown.ids });
}

function showTimes() {
  pane.tick();
  panel.tick(now());
  tiles?.tick(now());
}

function tick() {
  for (const call of alerts?.look(store.live(), (each) => shownState(each, pageStatus.isLive), now()) ?? []) changes.note({ kind: "facts", call });
  if (wall && pane.isDue) redraw();
  for (const call of store.live()) if (call.unsettledSince !== null) changes.note({ kind: "facts", call }); // its grace may be over
  showTimes();
  phone?.tick();
  signIn.tick(now(), pageStatus.status === "signed-out");
  pageStatus.tick(phone?.busy);
}

// The phone, and the keys

function newPhone() {
  const onTalking = (id) => store.calls.has(id) && choose(id);
  const sdk = { url: page.voiceSdkUrl, integrity: page.voiceSdkIntegrity };
  const beganAt = (id) => store.calls.get(id)?.startedAt ?? null;
  if (page.phone === "dial") return new PhonePanel({ sdk, csrfToken, beganAt, onTalking, onAvailable: redraw });
  const onStopWords = (id, name) => stopWords.ask(id, name);
  const supervises = isAgent ? {} : { onSwitchOff: (member) => helping.switchOff(member), onListen: (id) => helping.listen(id), seen: () => tools.people };
  return new RoomsPanel({ member: me, sdk, csrfToken, onTalking, onStopWords, onChange: redraw, onDraw: hearPhone, ...supervises });
}

// The phone's server has said something.
function hearPhone() {
  if (!helpBar) return;
  helpBar.draw();
  if (facts.hear(phone.desk.state)) redraw();
  if (tools.hear(phone.desk.state)) chooseAgain();
}

function openHelp() {
  part("shortcuts").checked = shortcutsOn();
  part("help").showModal();
}

const isReading = (event) => event.target.closest(".scroller") !== null; // there the arrows scroll
const shortcuts = {
  j: () => pane.move(1),
  k: () => pane.move(-1),
  ArrowDown: (event) => (isReading(event) ? false : pane.move(1)),
  ArrowUp: (event) => (isReading(event) ? false : pane.move(-1)),
  "/": () => (part("filter") ? part("filter").focus() : false),
  "?": openHelp,
  ...panel.shortcuts,
  ...(phone?.shortcuts ?? {}),
  ...(isAgent ? {} : { "Alt+u": () => readAlong.focus() }),
  ...(actions?.keys(() => store.calls.get(shown.selected)) ?? {}),
  ...(helpBar ? actions.helpKeys(phone.shortcuts) : {}),
};

offerTestCalls();
part("help-open").addEventListener("click", openHelp);
part("shortcuts").addEventListener("change", (event) => turnShortcuts(event.currentTarget.checked));
part("back").addEventListener("click", goBack);
listen(shortcuts);
if (part("page-frame")) new Shell({ shortcuts, onHome: comeHome });

addEventListener("pagehide", () => {
  connection.close();
  forgetAll();
});
addEventListener("pageshow", (event) => event.persisted && connection.renew());

setInterval(tick, 1000);
if (wall) chooseAgain();
if (wall) shown.turn();
if (wall && innerWidth > NARROW_PX) for (const id of ["waiting", "team"]) part(id)?.setAttribute("open", "");
connection.renew();
