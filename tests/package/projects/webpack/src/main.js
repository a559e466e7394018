import { ChatSession } from "@chatloom/chatjs";

import { show } from "./talk.js";

// In a chunk of its own, which webpack makes and the page loads now.
void show(ChatSession, { chatloom: true });
