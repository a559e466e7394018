// Each entry in turn, by the name that applications import.
import * as usual from "@chatloom/chatjs";
import * as eager from "@chatloom/chatjs/chatloom";
import * as script from "@chatloom/chatjs/dist/amazon-connect-chat.js";
import * as plain from "@chatloom/chatjs/js";
import * as slim from "@chatloom/chatjs/slim";

import { clientOf, talk } from "./talk.js";

const [endpoint] = process.argv.slice(2);
const told = {
  same: usual.ChatSession === script.ChatSession && usual.ChatSession === eager.ChatSession,
  global: globalThis.connect.ChatSession === usual.ChatSession,
  window: typeof window,
};
for (const [name, { ChatSession }] of Object.entries({ usual, plain, slim })) {
  told[name] = await talk(ChatSession, endpoint);
}
told.eager = await talk(eager.ChatSession, endpoint, { chatloom: true });
told.client = await talk(slim.ChatSession, endpoint, { participantClient: clientOf(endpoint) });
console.log(JSON.stringify(told));
