/** How sessions begin. */
import { ChatloomController, withChatloom } from "../chatloom/controller";
import { type ChatloomOptions, chatloomOptions } from "../chatloom/options";
import { ChatloomSession } from "../chatloom/session";
import { settings } from "./config";
import { Controller } from "./controller";
import { log, LogLevel } from "./log";
import { type ChatDetailsInput, IllegalArgument, type Participant, readChatDetails, SessionTypes } from "./rules";
import { ChatSession } from "./session";

/** The argument of `create`. */
export interface CreateArgs {
  chatDetails: ChatDetailsInput;
  type?: keyof typeof SessionTypes;
  options?: { region?: string; chatloom?: ChatloomOptions | boolean };
}

/** Makes a session. Sends nothing yet (S7). */
export function create(args: CreateArgs): ChatSession {
  const { type = SessionTypes.AGENT, chatDetails, options } = args;
  if (type !== SessionTypes.AGENT && type !== SessionTypes.CUSTOMER) {
    throw new IllegalArgument(
      `Unkown value for session type, Allowed values are: ${Object.values(SessionTypes).join()}`,
      type,
    );
  }
  if (type === SessionTypes.AGENT) {
    throw new IllegalArgument(
      "this version has no sessions of type AGENT; pass type CUSTOMER with a participantToken",
      type,
    );
  }
  const chosen = settings(options?.region);
  let participant: Participant;
  try {
    participant = readChatDetails(chatDetails);
  } catch (error) {
    log(LogLevel.ERROR, { sessionType: type, region: chosen.region }, "the details of the chat are not valid:", error);
    return new ChatSession(undefined);
  }
  const chatloom = chatloomOptions(options?.chatloom);
  if (chatloom) return new ChatloomSession(new ChatloomController(participant, withChatloom(chosen, chatloom)).begin());
  return new ChatSession(new Controller(participant, chosen).begin());
}
