/** How sessions begin. */
import type { CreateOptions } from "../../types/index";
import { chatloomOptions } from "../chatloom/options";
import { newSession } from "../chatloom/session";
import type { SocketManager } from "../host/managers";
import { settings } from "./config";
import { Controller } from "./controller";
import { log, LogLevel } from "./log";
import {
  type ChatDetailsInput,
  type Details,
  IllegalArgument,
  readChatDetails,
  type SessionType,
  SessionTypes,
} from "./rules";
import { AgentChatSession, CustomerChatSession } from "./session";

/** The argument of `create`. */
export interface CreateArgs {
  chatDetails: ChatDetailsInput;
  /** `AGENT` when it is left out (S8). */
  type?: SessionType;
  options?: CreateOptions;
  /** Brings the items: under Streams `connect.core.getWebSocketManager()` (S16). */
  websocketManager?: object | null;
  /** No metrics are sent in any case. */
  disableCSM?: boolean;
}

/** Makes a session. Sends nothing yet (S7). */
export function create(args: CreateArgs & { type: "CUSTOMER" }): CustomerChatSession;
export function create(args: CreateArgs & { type?: "AGENT" }): AgentChatSession;
export function create(args: CreateArgs): AgentChatSession | CustomerChatSession {
  const { chatDetails, options } = args;
  const type = args.type || SessionTypes.AGENT;
  if (type !== SessionTypes.AGENT && type !== SessionTypes.CUSTOMER) {
    throw new IllegalArgument(
      `Unkown value for session type, Allowed values are: ${Object.values(SessionTypes).join()}`,
      type,
    );
  }
  const sessionOf = (controller: Controller | undefined) =>
    type === SessionTypes.AGENT ? new AgentChatSession(controller) : new CustomerChatSession(controller);
  const chosen = settings(options?.region, type);
  let details: Details;
  try {
    details = readChatDetails(chatDetails);
  } catch (error) {
    log(LogLevel.ERROR, { sessionType: type, region: chosen.region }, "the details of the chat are not valid:", error);
    return sessionOf(undefined);
  }
  const { getConnectionToken, ...participant } = details;
  chosen.means = {
    manager: args.websocketManager as SocketManager | undefined,
    // Only agents have their tokens from somewhere else.
    getConnectionToken: type === SessionTypes.AGENT ? getConnectionToken : undefined,
    client: options?.participantClient,
  };
  const chatloom = chatloomOptions(options?.chatloom);
  if (chatloom) return newSession(participant, chosen, chatloom);
  return sessionOf(new Controller(participant, chosen).begin());
}
