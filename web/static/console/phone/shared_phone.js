// The phone as every tab of this browser shows it: whichever tab holds the sound, all show the same state and obey the same commands.
// No DOM.
//
// The tab that leads (leading_tab.js) has the event stream, the softphone and the heartbeat, and tells the others what it knows. Commands that
// concern sound go to it; all others go to the server from wherever they were given.

import { command } from "./commands.js";
import { LeadingTab } from "./leading_tab.js";
import { PhoneState } from "./phone_state.js";
import { ConsoleHeartbeat } from "./console_heartbeat.js";
import { RoomSoftphone } from "./softphone/room_softphone.js";
import { SoundDevices } from "./softphone/sound_devices.js";

const DONE = { error: "", code: "", said: {} };
const NO_ANSWER = { error: "The tab with the phone is not responding. Close it, and try again here.", code: "no_tab", said: {} };
const ELSEWHERE = { error: "Your phone is on another computer. Use it here first.", code: "elsewhere", said: {} };
const TELL_MS = 5_000; // so that other tabs know that the leader lives
const GONE_MS = 10_000; // for the server to know of a call that the softphone is in

export class SharedPhone {
  devices;
  #csrfToken;
  #onChange;
  #leadingTab;
  #stream;
  #softphone;
  #heartbeat;
  #told = null; // what the leading tab said of its softphone, in the other tabs
  #helped = null; // how the member is heard as a supervisor: the server's word that the microphone was last set by
  #overSince = null; // since when the server knows nothing of the call that the softphone is in

  /** `options`: {member, sdk, csrfToken, onChange()}; `timing`: {state, registration, beatMs} replaces times of those modules. */
  constructor({ member, sdk, csrfToken, onChange }, timing = {}) {
    this.#csrfToken = csrfToken;
    this.#onChange = onChange;
    const turn = () => this.#turn();
    this.devices = new SoundDevices({ onChange: turn });
    this.#stream = new PhoneState({ onChange: turn }, timing.state);
    this.#softphone = new RoomSoftphone({ sdk, csrfToken, devices: this.devices, onChange: turn }, timing.registration);
    const facts = () => ({ registered: this.#softphone.phase === "ready", microphone: this.devices.isAllowed });
    this.#heartbeat = new ConsoleHeartbeat({ csrfToken, facts, onChange: () => this.#movedAway() }, timing.beatMs);
    this.#leadingTab = new LeadingTab({
      member,
      onLead: () => this.#lead(),
      onHello: () => this.#tell(),
      onNews: (news) => this.#hear(news),
      onAsk: ({ name, args }) => this.#perform(name, args),
    });
  }

  start() {
    this.#leadingTab.start();
    setInterval(() => this.#leadingTab.isLeader && this.#tell(), TELL_MS);
  }

  /** The member has signed out: nobody rings here any more, and nothing is known. */
  signOut() {
    this.#heartbeat.stop();
    this.#stream.stop();
    this.#softphone.leave();
    this.#turn();
  }

  /** The member has signed in again. */
  signIn() {
    if (this.isLeader) this.#lead();
  }

  /** The server's state; null until it is known. */
  get state() {
    return this.#stream.state;
  }

  /** Whether the state is what the server says now. */
  get isFresh() {
    return this.#stream.isFresh;
  }

  get isLeader() {
    return this.#leadingTab.isLeader;
  }

  /** The softphone: {phase, problem, call: {id, state, muted} | null, warnings: [name], isElsewhere}. */
  get line() {
    if (!this.isLeader) return this.#told ?? { phase: "loading", problem: "", call: null, warnings: [], isElsewhere: false };
    const { phase, problem, call } = this.#softphone;
    const warnings = [...this.#softphone.warnings, ...(this.devices.hasMicrophone ? [] : ["no-microphone"])];
    return { phase, problem, call, warnings, isElsewhere: this.#heartbeat.isElsewhere };
  }

  /** Try again to start the softphone. */
  restart() {
    if (this.isLeader) this.#softphone.start();
  }

  // Commands. Each returns {error, code, said}, of commands.js.

  /** Ask for the microphone if the member wants to be rung, then tell the server. */
  async choosePresence(state, reason = null) {
    const problem = state === "available" ? await this.devices.allow() : "";
    if (problem) return { error: problem, code: "microphone", said: {} };
    return this.#send("presence", { state, reason });
  }

  /** Take part in a call: "claim" an offer, "pick" who waits, "rejoin". */
  join(call, how) {
    return this.#sound("join", [call, how]);
  }

  dial(number) {
    return this.#sound("dial", [number]);
  }

  hangUp(call) {
    return this.#sound("hangUp", [call]);
  }

  leave(call) {
    return this.#sound("leave", [call]);
  }

  mute(call, muted) {
    return this.#sound("mute", [call, muted]);
  }

  press(digit) {
    return this.#sound("press", [digit]);
  }

  takeOver() {
    return this.#sound("takeOver", []);
  }

  /** Be in a call as a supervisor: "listen", "whisper", "barge", "take-over". `callSid` is what transcripts go by. */
  help(callSid, how) {
    return this.#sound("help", [callSid, how]);
  }

  /** Leave the call that the member is in as a supervisor. */
  stopHelping() {
    return this.#sound("stopHelping", []);
  }

  /** Let a call that goes on use the devices that are chosen now. */
  useDevices() {
    return this.#sound("useDevices", []);
  }

  /** A command of the call that needs no sound: "hold", "transfer", … */
  tell(call, what, body = {}) {
    return this.#send(`calls/${encodeURIComponent(call)}/${what}`, body);
  }

  // What the leader does for itself and for the other tabs.

  async #perform(name, args) {
    if (this.#heartbeat.isElsewhere && name !== "takeOver") return ELSEWHERE;
    return this.#sounds[name](...args);
  }

  #sounds = {
    join: async (call, how) => {
      const answer = await this.tell(call, how);
      return answer.error ? answer : this.#joined(call);
    },
    dial: async (number) => {
      const answer = await this.#send("calls", { to: number });
      return answer.error ? answer : this.#joined(answer.said.call);
    },
    hangUp: (call) => this.#end(call, "hang-up"),
    leave: (call) => this.#end(call, "leave"),
    mute: async (call, muted) => {
      this.#softphone.mute(muted);
      const byOthers = !muted && this.state?.call?.call === call && this.state.call.muted;
      return byOthers ? this.tell(call, "unmute") : DONE;
    },
    help: async (callSid, how) => {
      const answer = await this.#send(`/helping/${encodeURIComponent(callSid)}/${how}`);
      return answer.error ? answer : this.#joined(answer.said.call, true);
    },
    stopHelping: async () => {
      const helping = this.state?.helping;
      if (!helping) return DONE;
      const answer = await this.#send(`/helping/${encodeURIComponent(helping.call_sid)}/stop`);
      const isOver = !answer.error || answer.code === "404";
      if (isOver && this.#softphone.call?.id === helping.call) this.#softphone.leave();
      return isOver ? DONE : answer;
    },
    press: async (digit) => {
      this.#softphone.press(digit);
      return DONE;
    },
    useDevices: async () => {
      await this.#softphone.useDevices();
      return DONE;
    },
    takeOver: async () => ({ ...DONE, error: await this.#heartbeat.takeOver() }),
  };

  async #joined(call, muted = false) {
    this.#overSince = null;
    const isNew = this.#softphone.call?.id !== call;
    const joining = this.#softphone.join(call);
    if (muted && isNew) this.#softphone.mute(true);
    const problem = await joining;
    return problem ? { error: problem, code: "line", said: {} } : DONE;
  }

  // The server first: if it does not answer, the member is still connected, and says so.
  async #end(call, how) {
    const isWhisperedTo = this.state?.call?.call === call && this.state.call.kept;
    const answer = await this.tell(call, how);
    if (!answer.error && how === "leave" && isWhisperedTo) return DONE; // the server ends the line, once nobody whispers on it
    const isOver = !answer.error || answer.code === "over" || answer.code === "404";
    if (isOver && this.#softphone.call?.id === call) this.#softphone.leave();
    return isOver ? DONE : answer;
  }

  #send(path, body = {}) {
    return command(this.#csrfToken, path, body);
  }

  async #sound(name, args) {
    if (this.isLeader) return this.#perform(name, args);
    return (await this.#leadingTab.ask({ name, args })) ?? NO_ANSWER;
  }

  // Between the tabs, and between the softphone and the server

  #lead() {
    this.#stream.start();
    this.#softphone.start();
    this.#heartbeat.start();
    this.#turn();
  }

  #tell() {
    this.#leadingTab.tell({ state: this.state, isFresh: this.isFresh, line: this.line });
  }

  #hear({ state, isFresh, line }) {
    this.#told = line;
    this.#stream.take(state, isFresh);
  }

  // Another computer has the phone now: the sound goes with it.
  #movedAway() {
    if (this.#heartbeat.isElsewhere) this.#softphone.leave();
    this.#turn();
  }

  #turn() {
    if (this.isLeader) {
      this.#muteAsHelping();
      this.#dropWhatIsOver();
      this.#heartbeat.note();
      this.#tell();
    }
    this.#onChange();
  }

  // A supervisor who listens sends no sound at all, whatever Twilio does with it; who was made to listen, neither.
  #muteAsHelping() {
    const { helping = null, call = null } = this.state ?? {};
    const line = this.#softphone.call;
    const how = line && helping?.call === line.id ? helping.mode : line && call?.call === line.id && this.#helped ? "own" : null;
    if (how === this.#helped) return;
    this.#helped = how === "own" ? null : how;
    if (how) this.#softphone.mute(how === "listen");
  }

  // The softphone may be in a room that the server has ended; Twilio usually says so first.
  #dropWhatIsOver() {
    const id = this.#softphone.call?.id;
    const isKnown = !id || !this.isFresh || !this.state || this.state.call?.call === id || this.state.helping?.call === id;
    if (isKnown) this.#overSince = null;
    else if (this.#overSince === null) {
      this.#overSince = Date.now();
      setTimeout(() => this.#turn(), GONE_MS);
    } else if (Date.now() - this.#overSince >= GONE_MS) this.#softphone.leave();
  }
}
