// The telephone on the telephone network's page: a soft handset with a number of its own, so that one person plays the customer in one
// tab and the agent in another. Its other end is telephone.py. Served together with sound_line.js and telephone_tones.js.
/* global SoundLine, Tones */

const WORKLET = "/voice-sdk-worklet.js";
const SOCKET = `${location.origin.replace(/^http/, "ws")}/sandbox/telephone`;
const RECONNECT_MS = 1000;
const PROBLEMS = {
  31401: "The browser may not use the microphone: the other side hears nothing. Allow it beside the address, then call again.",
  31402: "No microphone was found: the other side hears nothing. Plug one in, then call again.",
};
const PHASES = { idle: "", dialling: "Calling", ringing: "Incoming call from", talking: "Talking with" };

class Telephone {
  #form = document.getElementById("telephone");
  #socket = null;
  #line = null;
  #call = null; // {sid, number}
  #phase = "idle";
  #isMuted = false;
  #problem = "";
  #tones = new Tones();

  constructor() {
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("click", (event) => this.#press(event.target.closest("button")));
    this.#form.mine.addEventListener("change", () => this.#form.reportValidity() && this.#socket?.close());
    this.#connect();
  }

  #connect() {
    const socket = new WebSocket(SOCKET);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#tell({ type: "hello", number: this.#form.mine.value });
    socket.onmessage = ({ data }) => (typeof data === "string" ? this.#hear(JSON.parse(data)) : this.#line?.play(data));
    socket.onclose = () => {
      this.#over("");
      setTimeout(() => this.#connect(), RECONNECT_MS);
    };
    this.#socket = socket;
  }

  #tell(signal) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(signal));
  }

  #hear(signal) {
    switch (signal.type) {
      case "incoming": this.#ring(signal); break;
      case "ringing": this.#name(signal.call); break;
      case "accept": this.#become("talking"); break;
      case "cancel": case "disconnect": if (signal.call === this.#call?.sid) this.#over("The call is over."); break;
      case "error": this.#over(signal.text); break;
      default:
    }
  }

  #ring({ call, parameters }) {
    if (this.#call) return this.#tell({ type: "reject", call });
    this.#call = { sid: call, number: parameters.From };
    this.#become("ringing");
  }

  // The network's name for the call that was dialled, which may have been given up meanwhile.
  #name(sid) {
    if (this.#phase === "dialling" && !this.#call.sid) this.#call.sid = sid;
    else this.#tell({ type: "hangup", call: sid });
  }

  #press(button) {
    if (!button) return;
    if (button.value) this.#key(button.value);
    else if (button.name === "call") this.#dial();
    else if (button.name === "answer") this.#answer();
    else if (button.name === "end") this.#hangUp();
    else if (button.name === "mute") this.#toggleMute();
  }

  async #dial() {
    if (this.#call || !this.#form.reportValidity()) return;
    this.#call = { sid: "", number: this.#form.callee.value };
    this.#become("dialling");
    const microphone = await this.#openLine();
    if (this.#phase === "dialling") this.#tell({ type: "call", to: this.#call.number, microphone });
  }

  async #answer() {
    const call = this.#call;
    this.#tones.stop();
    const microphone = await this.#openLine();
    if (call !== this.#call) return;
    this.#tell({ type: "accept", call: call.sid, microphone });
    this.#become("talking");
  }

  #hangUp() {
    this.#tell({ type: this.#phase === "ringing" ? "reject" : "hangup", call: this.#call.sid });
    this.#over("");
  }

  #toggleMute() {
    this.#isMuted = !this.#isMuted;
    this.#line?.mute(this.#isMuted);
    this.#tell({ type: "mute", call: this.#call.sid, muted: this.#isMuted });
    this.#draw();
  }

  #key(digit) {
    if (this.#phase !== "talking") return;
    this.#tones.key(digit);
    this.#tell({ type: "digits", call: this.#call.sid, digits: digit });
  }

  async #openLine() {
    this.#problem = "";
    this.#line = new SoundLine(WORKLET, (frame) => this.#socket.readyState === WebSocket.OPEN && this.#socket.send(frame));
    const problem = await this.#line.open();
    this.#problem = PROBLEMS[problem] ?? "";
    this.#draw();
    return !problem;
  }

  #over(why) {
    this.#line?.close();
    this.#line = this.#call = null;
    this.#isMuted = false;
    this.#problem = why;
    this.#become("idle");
  }

  #become(phase) {
    this.#phase = phase;
    this.#tones.stop();
    if (phase === "ringing") this.#tones.ring();
    this.#draw();
  }

  #draw() {
    const { call, answer, end, mute, callee } = this.#form;
    const phase = this.#phase;
    this.#form.dataset.phase = phase;
    call.hidden = phase !== "idle";
    answer.hidden = phase !== "ringing";
    end.hidden = phase === "idle";
    end.textContent = phase === "ringing" ? "Decline" : "Hang up";
    mute.disabled = phase !== "talking";
    mute.setAttribute("aria-pressed", String(this.#isMuted));
    callee.disabled = phase !== "idle";
    for (const key of this.#form.querySelectorAll(".key")) key.disabled = phase !== "talking";
    const said = [PHASES[phase] && `${PHASES[phase]} ${this.#call?.number ?? ""}`.trim(), this.#problem];
    this.#form.querySelector(".said").textContent = said.filter(Boolean).join(". ");
    document.title = phase === "ringing" ? "Incoming call · Telephone network" : "Telephone network · Bilby's sandbox";
  }
}

new Telephone();
