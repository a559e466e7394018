import { ChatSession } from "@chatloom/chatjs";

import { show } from "./talk.js";

void show(ChatSession);
