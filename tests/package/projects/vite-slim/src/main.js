import { ChatSession } from "@chatloom/chatjs/slim";

import { show } from "./talk.js";

// The core is not there yet: the session waits for it.
// What asks a client of the application's is a file of its own here, too.
void show(ChatSession, { participantClient: location.search.includes("client") });
