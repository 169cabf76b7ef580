// The script of the worker: everything but the page's own small part runs here.

import { answerMessages } from "./answer-messages.ts";
import { openBackend } from "./open-backend.ts";

answerMessages(self, openBackend);
