// Of the phone's panels a page fetches its own alone.

const page = document.body.dataset;

/** Returns the class of the panel of this page's phone, or null for a page without one. */
export async function ownPanel() {
  if (page.voice !== "on") return null;
  if (page.phone === "dial") return (await import("./phone_panel.js")).PhonePanel;
  return (await import("./panels/rooms_panel.js")).RoomsPanel;
}
