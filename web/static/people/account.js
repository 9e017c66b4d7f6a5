// On every page of a signed-in member: tells other tabs about the sign-in, and about signing out here.

import { tellTabs } from "../tabs.js";

tellTabs("signed-in");
document.querySelector('form[action="/sign-out"]')?.addEventListener("submit", () => tellTabs("signed-out"));
