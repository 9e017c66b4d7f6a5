// Forms that call Stripe show it on their button, and are sent once.

import { watchForms } from "../busy.js";

watchForms(document);
