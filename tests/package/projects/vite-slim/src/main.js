import { ChatSession } from "@chatloom/chatjs/slim";

import { show } from "./talk.js";

// The core is not there yet: the session waits for it.
void show(ChatSession);
