import { ChatSession, loadCore } from "@chatloom/chatjs/slim";

import { show } from "./talk.js";

void loadCore().then(() => show(ChatSession, { participantClient: true }));
