// Which of the phone's panels a page has.

import { RoomsPanel } from "./panels/rooms_panel.js";
import { PhonePanel } from "./phone_panel.js";

const page = document.body.dataset;

/** Return the class of the panel of this page's phone, or null for a page without one. */
export function ownPanel() {
  if (page.voice !== "on") return null;
  return page.phone === "dial" ? PhonePanel : RoomsPanel;
}
