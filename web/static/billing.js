// What asks Stripe says so on its button, and is sent once.

import { watchForms } from "./busy.js";

watchForms(document);
