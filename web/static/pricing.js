// Reckons up the price while the number of seats is typed. Without it the page shows the price of three.

import { part, put } from "./dom.js";

const GST_PART = 11; // of a price that includes GST of 10 %, one eleventh is GST

/** Cents as people write them: A$44, A$1,234.50. */
export function dollars(cents) {
  const whole = Math.floor(cents / 100).toLocaleString("en-AU");
  return cents % 100 ? `A$${whole}.${String(cents % 100).padStart(2, "0")}` : `A$${whole}`;
}

function reckon() {
  const seats = part("seats");
  if (!seats.validity.valid) return put(part("total"), `Between ${seats.min} and ${seats.max} agents, please.`);
  const cents = Number(seats.form.dataset.cents) * seats.valueAsNumber;
  put(part("total"), `${dollars(cents)} a month, of which ${dollars(Math.round(cents / GST_PART))} is GST`);
}

part("seats")?.addEventListener("input", reckon);
