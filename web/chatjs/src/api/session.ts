/** A chat session as applications see it: the API of ChatJS 5.0.0. */
import { CALLBACKS, type Handler, type Subscribe } from "./callbacks";
import type { Controller } from "./controller";

/** The methods of every session, which its controller has under the same names. */
export const METHODS = [
  "getChatDetails",
  "connect",
  "sendMessage",
  "sendEvent",
  "getTranscript",
  "sendAttachment",
  "downloadAttachment",
  "getAttachmentURL",
  "describeView",
  "getAuthenticationUrl",
  "cancelParticipantAuthentication",
] as const;

/** What the sessions of agents and customers have in common. Each `onX` gives a function that takes the callback away again (D10). */
export interface ChatSession extends Subscribe<keyof typeof CALLBACKS>, Pick<Controller, (typeof METHODS)[number]> {}

export class ChatSession {
  /** Missing when the details of the chat are not valid: then every method throws (S11). */
  readonly controller: Controller;

  constructor(controller: Controller | undefined) {
    this.controller = controller as Controller;
  }
}

/** A session of an agent or a supervisor (S18, S190). */
export class AgentChatSession extends ChatSession {
  /** Takes every callback of the session away (S82). */
  cleanUpOnParticipantDisconnect(): void {
    this.controller.cleanUpOnParticipantDisconnect();
  }
}

/** A session of a customer. */
export class CustomerChatSession extends ChatSession {
  /** Leaves the chat; the session ends when the service says so (S80, S81). */
  disconnectParticipant(): ReturnType<Controller["disconnectParticipant"]> {
    return this.controller.disconnectParticipant();
  }
}

addMethods(ChatSession, METHODS, Object.keys(CALLBACKS), (name) => CALLBACKS[name as "onEnded"]);

/** Gives a class methods that its controller has as well, and methods that subscribe to an event each. */
export function addMethods(
  of: { readonly prototype: ChatSession },
  methods: readonly string[],
  callbacks: readonly string[],
  eventOf: (callback: string) => string,
): void {
  const add = (name: string, value: (this: ChatSession, argument: never) => unknown) =>
    Object.defineProperty(of.prototype, name, { value, configurable: true, writable: true });
  for (const method of methods) {
    add(method, function (argument) {
      return this.controller[method as "connect"](argument);
    });
  }
  for (const method of callbacks) {
    const event = eventOf(method);
    add(method, function (callback: Handler) {
      return this.controller.subscribe(event, callback);
    });
  }
}
