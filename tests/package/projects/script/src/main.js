/* global connect */
import { show } from "./talk.js";

// With Chatloom behaviour where the page asks for it: a second script then loads by itself.
const chatloom = new URLSearchParams(location.search).has("chatloom");
void show(connect.ChatSession, chatloom ? { chatloom } : undefined);
