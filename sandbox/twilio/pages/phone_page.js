// The telephone network's page: numbers to call, calls that run, what Twilio's debugger says.

const EVERY_MS = 1000;
const form = document.getElementById("place");
const outcome = document.getElementById("outcome");

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function showNumbers(numbers) {
  for (const choice of document.querySelectorAll("select.numbers")) {
    const known = [...choice.options].map((option) => option.value);
    if (known.join() === numbers.join()) continue;
    const chosen = choice.value;
    choice.replaceChildren(...numbers.map((number) => new Option(number, number, false, number === chosen)));
  }
}

function who({ caller, called }) {
  return `caller: ${caller}, called: ${called}`;
}

function status(call) {
  if (call.status === "in-progress") return `live, ${call.seconds} s${call.streams ? ", streaming" : ""}`;
  return call.ended && call.seconds ? `${call.status}, ${call.seconds} s` : call.status;
}

function callItem(call) {
  const item = element("li", call.ended ? "" : "live", "");
  item.dataset.call = call.sid;
  item.dataset.kind = call.from.startsWith("client:") ? "softphone" : "phone";
  item.append(element("span", "who", `${call.from} to ${call.to || "its TwiML App"}`));
  item.append(element("span", "says", ""), element("span", "how", ""));
  showCall(item, call);
  if (!call.ended) {
    const button = element("button", "", "Hang up");
    button.type = "button";
    button.setAttribute("aria-label", `Hang up the call from ${call.from}`);
    item.append(button);
  }
  return item;
}

function showCall(item, call) {
  item.dataset.status = call.status;
  item.dataset.streams = call.streams ? "yes" : "no";
  item.querySelector(".how").textContent = status(call);
  item.querySelector(".says").textContent = who(call.says);
}

// Rows are updated in place, so that a button keeps its focus.
function showCalls(calls) {
  const list = document.getElementById("calls");
  const rows = new Map([...list.children].map((row) => [row.dataset.call, row]));
  const wanted = calls.map((call) => {
    const row = rows.get(call.sid);
    if (!row || row.classList.contains("live") === call.ended) return callItem(call);
    showCall(row, call);
    return row;
  });
  if (wanted.some((row, at) => list.children[at] !== row) || list.children.length !== wanted.length) {
    list.replaceChildren(...wanted);
  }
  document.getElementById("no-calls").hidden = calls.length > 0;
}

function showAlerts(alerts) {
  const items = alerts.map((alert) => {
    const item = document.createElement("li");
    item.append(element("span", "code", String(alert.code)), element("span", "who", alert.text));
    return item;
  });
  document.getElementById("alerts").replaceChildren(...items);
  document.getElementById("no-alerts").hidden = alerts.length > 0;
}

async function refresh() {
  const response = await fetch("/sandbox/state");
  const { numbers, calls, alerts, hearing } = await response.json();
  const said = document.getElementById("hearing");
  if (said.textContent !== hearing) said.textContent = hearing;
  showNumbers(numbers);
  showCalls(calls);
  showAlerts(alerts);
}

async function keepFresh() {
  try {
    await refresh();
    if (outcome.dataset.lost) delete outcome.dataset.lost, (outcome.textContent = "");
  } catch {
    outcome.dataset.lost = "yes";
    outcome.textContent = "The sandbox does not answer.";
  }
  setTimeout(keepFresh, EVERY_MS);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const response = await fetch("/sandbox/calls", { method: "POST", body: new FormData(form) });
    const answer = await response.json();
    outcome.textContent = response.ok ? `Ringing ${answer.to}.` : `The call was not placed: ${answer.error}.`;
    await refresh();
  } catch {
    outcome.textContent = "The call was not placed: the sandbox does not answer.";
  } finally {
    button.disabled = false;
  }
});

document.getElementById("calls").addEventListener("click", async (event) => {
  const row = event.target.closest("button") && event.target.closest("[data-call]");
  if (!row) return;
  await fetch(`/sandbox/calls/${row.dataset.call}`, { method: "DELETE" });
  await refresh();
});

keepFresh();
