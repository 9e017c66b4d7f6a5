// Contacts from a file: its text is put into the field, to be looked at and saved like what is typed. No file is sent.

const MOST = 200_000; // characters, below what the server reads
const field = document.getElementById("file-field");
const file = document.getElementById("file");
const table = document.getElementById("table");

field.hidden = false;
file.addEventListener("change", async () => {
  const [chosen] = file.files;
  if (!chosen) return;
  const text = await chosen.text();
  const fits = text.length <= MOST;
  file.setCustomValidity(fits ? "" : "This file is too large. Split it, and save one part at a time.");
  file.reportValidity();
  if (fits) table.value = text;
});
