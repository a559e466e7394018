/** A chat session as applications see it: the API of ChatJS 5.0.0. */
import { CALLBACKS, type Callbacks, type Handler } from "./callbacks";
import type { Controller } from "./controller";
import type { ChatDetails, ConnectResult, Result } from "./results";
import type { GetTranscriptArgs, SendEventArgs, SendMessageArgs, WithMetadata } from "./rules";

/** A chat session of a customer. Each `onX` gives a function that takes the callback away again (D10). */
export interface ChatSession extends Callbacks {}

export class ChatSession {
  /** Missing when the details of the chat are not valid: then every method throws (S11). */
  readonly controller: Controller;

  constructor(controller: Controller | undefined) {
    this.controller = controller as Controller;
  }

  getChatDetails(): ChatDetails {
    return this.controller.getChatDetails();
  }

  connect(args?: WithMetadata): Promise<ConnectResult> {
    return this.controller.connect(args);
  }

  sendMessage(args: SendMessageArgs): Promise<Result> {
    return this.controller.sendMessage(args);
  }

  sendEvent(args: SendEventArgs): Promise<Result> {
    return this.controller.sendEvent(args);
  }

  getTranscript(args?: GetTranscriptArgs): Promise<Result> {
    return this.controller.getTranscript(args);
  }

  disconnectParticipant(): Promise<Result> {
    return this.controller.disconnectParticipant();
  }
}

for (const [method, name] of Object.entries(CALLBACKS)) {
  Object.defineProperty(ChatSession.prototype, method, {
    value(this: ChatSession, callback: Handler) {
      return this.controller.subscribe(name, callback);
    },
    configurable: true,
    writable: true,
  });
}
