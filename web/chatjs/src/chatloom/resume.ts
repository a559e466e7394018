/** Chats go on when a page is loaded again. */
import type { ParticipantClient } from "../host/clients";
import { addition } from "./addition";
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
export async function resume(args: ResumeArgs = {}): Promise<ChatloomSession | undefined> {
  const chatloom = chatloomOptions(args.options?.chatloom ?? true) ?? {};
  const controller = await (await addition()).resume(args, chatloom);
  return controller && new ChatloomSession(controller);
}
