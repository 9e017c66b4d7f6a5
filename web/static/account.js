// On every page of somebody who is signed in: tells the other tabs so, and tells them when the sign-in ends here.

import { tellTabs } from "./tabs.js";

tellTabs("signed-in");
document.querySelector('form[action="/sign-out"]')?.addEventListener("submit", () => tellTabs("signed-out"));
