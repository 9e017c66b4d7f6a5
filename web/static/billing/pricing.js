// Updates the total while the number of seats is typed. Without JavaScript the page shows the price of three seats.

import { part, put } from "../dom.js";

const GST_PART = 11; // of a price that includes GST of 10 %, one eleventh is GST

/** Format cents as A$44 or A$1,234.50. */
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
