import { ChatSession } from "@chatloom/chatjs/js";

import { show } from "./talk.js";

void show(ChatSession);
