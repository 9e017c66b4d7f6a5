// Preview of the consent prompt while it is typed: its length, its text, and how it sounds.

import { part, put } from "../dom.js";

const field = part("prompt-words");
const listen = part("listen");
const tells = new RegExp(field.dataset.tells, "i");
const pace = Number(field.dataset.pace);
const speech = "speechSynthesis" in window ? window.speechSynthesis : null;

/** The words as they are stored: on one line, without doubled blanks. */
function words() {
  return field.value.split(/\s+/).filter(Boolean).join(" ");
}

function show() {
  const spoken = words();
  put(part("prompt-count"), String([...spoken].length));
  put(part("preview"), spoken || "…");
  put(part("preview-seconds"), String(Math.max(1, Math.round([...spoken].length / pace))));
  part("preview-warning").hidden = !spoken || tells.test(spoken);
}

function rest() {
  listen.setAttribute("aria-pressed", "false");
  put(listen, "Listen");
}

function speak() {
  const wasSpeaking = listen.getAttribute("aria-pressed") === "true";
  speech.cancel();
  if (wasSpeaking) return rest();
  const spoken = new SpeechSynthesisUtterance(words());
  spoken.lang = "en-AU";
  spoken.voice = speech.getVoices().find((voice) => voice.lang.replace("_", "-") === "en-AU" && voice.localService) ?? null;
  spoken.onend = spoken.onerror = rest;
  listen.setAttribute("aria-pressed", "true");
  put(listen, "Stop");
  speech.speak(spoken);
}

/** Only a local voice: a browser without one stays silent or sends the text to a server. */
function offerVoice() {
  listen.hidden = !speech.getVoices().some((voice) => voice.localService && voice.lang.startsWith("en"));
}

field.addEventListener("input", show);
if (speech) {
  listen.addEventListener("click", speak);
  speech.addEventListener("voiceschanged", offerVoice);
  window.addEventListener("pagehide", () => speech.cancel());
  offerVoice();
}
show();
