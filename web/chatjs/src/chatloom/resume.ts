/** Chats go on when a page is loaded again. */
import type { ResumeArgs } from "../../types/index";
import { addition } from "./addition";
import { chatloomOptions } from "./options";
import { ChatloomSession } from "./session";

/**
 * The session of a chat that was kept, with the messages that had not been sent; nothing when none is kept.
 * It is not connected: the application adds its callbacks and calls `connect`.
 */
export async function resume(args: ResumeArgs = {}): Promise<ChatloomSession | undefined> {
  const chatloom = chatloomOptions(args.options?.chatloom ?? true) ?? {};
  const controller = await (await addition()).resume(args, chatloom);
  return controller && new ChatloomSession(controller);
}
