// One click for the usual case: the same hours from Monday to Friday.

import { watchForms } from "../busy.js";
import { part } from "../dom.js";

const OTHERS = ["tuesday", "wednesday", "thursday", "friday"];

watchForms(document);
part("same").hidden = false;
part("same").addEventListener("click", () => {
  for (const day of OTHERS) part(day).value = part("monday").value;
});
