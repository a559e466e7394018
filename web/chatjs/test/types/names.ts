// The typings name what the sources have, no more and no less.

import type { AgentChatSession, CustomerChatSession } from "../../src/api/session";
import type { GlobalConfig } from "../../src/api/config";
import type { CreateArgs } from "../../src/api/create";
import type { ChatloomSession } from "../../src/chatloom/session";
import type * as published from "../../types/index.js";

/** Compiles when both have the same names; else the error says which only one has. */
declare function alike<One, Other>(
  ...different: [Exclude<One, Other> | Exclude<Other, One>] extends [never]
    ? []
    : [only: Exclude<One, Other> | Exclude<Other, One>]
): void;

alike<keyof typeof import("../../src/exports"), keyof typeof published>();
alike<keyof (typeof import("../../src/exports"))["ChatSession"], keyof published.ChatSessionApi>();
alike<keyof CustomerChatSession, keyof published.CustomerSession>();
alike<keyof AgentChatSession, keyof published.AgentSession>();
alike<
  Exclude<keyof ChatloomSession, keyof CustomerChatSession>,
  Exclude<keyof published.ChatloomSession, keyof CustomerChatSession>
>();
alike<keyof CreateArgs, keyof published.CreateAgent>();
// Those that the original keeps and does not use either are not worth a word.
alike<Exclude<keyof GlobalConfig, "stage" | "cell" | "reconnect">, keyof published.GlobalConfig>();
