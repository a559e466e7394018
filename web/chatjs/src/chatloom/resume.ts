/** Chats go on when a page is loaded again. */
import { settings } from "../api/config";
import { log, LogLevel } from "../api/log";
import { IllegalArgument } from "../api/rules";
import type { ParticipantClient } from "../host/clients";
import { addition } from "./addition";
import { ChatloomController, withChatloom } from "./controller";
import { type ChatloomOptions, chatloomOptions } from "./options";
import { ChatloomSession } from "./session";

/** The argument of `resume`. */
export interface ResumeArgs {
  /** The contact, or the initial contact; without one the chat that was kept last. */
  contactId?: string;
  /** Gives `onMessage` everything from the beginning, not only what was missed. */
  replay?: boolean;
  options?: {
    chatloom?: ChatloomOptions;
    /** Makes the requests in place of `fetch`, as for `create`. */
    participantClient?: ParticipantClient;
  };
}

/**
 * The session of a chat that was kept, with the messages that had not been sent; nothing when none is kept.
 * It is not connected: the application adds its callbacks and calls `connect`.
 */
export async function resume({ contactId, replay = false, options }: ResumeArgs = {}): Promise<
  ChatloomSession | undefined
> {
  const chatloom = chatloomOptions(options?.chatloom ?? true) ?? {};
  if (!chatloom.storage)
    throw new IllegalArgument("resume needs the storage that the chats are kept in: chatloom.storage");
  const warn = (text: string) => log(LogLevel.WARN, {}, text);
  const kept = await (await addition()).kept(chatloom.storage, contactId, warn);
  if (!kept) return undefined;
  const { participant, ...rest } = kept;
  const means = { client: options?.participantClient };
  const chosen = { ...withChatloom(settings(undefined), chatloom), ...rest, replay, means };
  return new ChatloomSession(new ChatloomController(participant, chosen).begin());
}
