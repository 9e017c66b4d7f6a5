// Offers to change a role only where another one is chosen, and sends an invitation once.

import { watchForms } from "../busy.js";

document.documentElement.classList.add("has-script");
watchForms(document);

for (const choice of document.querySelectorAll("select[data-now]")) {
  const button = choice.form.querySelector("button");
  const show = () => button.classList.toggle("wanted", choice.value !== choice.dataset.now);
  choice.addEventListener("change", show);
  show();
}
