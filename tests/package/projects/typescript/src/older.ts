// Imports alone: for a compiler that knows no `exports`.
import { ChatSession, type Item } from "@chatloom/chatjs";
import { ChatSession as eager } from "@chatloom/chatjs/chatloom";
import { ChatSession as plain } from "@chatloom/chatjs/js";
import { loadCore } from "@chatloom/chatjs/slim";

export const all: (typeof ChatSession)[] = [ChatSession, eager, plain, connect.ChatSession];
export const load: () => Promise<void> = loadCore;
export type Content = Extract<Item, { Type: "MESSAGE" }>["Content"];
