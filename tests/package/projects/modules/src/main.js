import { show } from "./talk.js";

// Which entry of the package, and which behaviour, the page is asked for.
const asked = new URLSearchParams(location.search);
const { ChatSession } = await import(
  `/node_modules/@chatloom/chatjs/dist/${asked.get("entry")}.js`
);
void show(ChatSession, asked.has("chatloom") ? { chatloom: true } : undefined);
