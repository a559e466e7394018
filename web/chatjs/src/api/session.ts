/** A chat session as applications see it: the API of ChatJS 5.0.0. */
import { CALLBACKS, type Callbacks, type Handler } from "./callbacks";
import type { Controller } from "./controller";
import type { ChatDetails, ConnectResult, Download, Result } from "./results";
import type {
  AttachmentArgs,
  CancelParticipantAuthenticationArgs,
  DescribeViewArgs,
  GetAuthenticationUrlArgs,
  GetTranscriptArgs,
  SendAttachmentArgs,
  SendEventArgs,
  SendMessageArgs,
  WithMetadata,
} from "./rules";

/** What the sessions of agents and customers have in common. Each `onX` gives a function that takes the callback away again (D10). */
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

  sendAttachment(args: SendAttachmentArgs): Promise<Result> {
    return this.controller.sendAttachment(args);
  }

  downloadAttachment(args: AttachmentArgs): Promise<Download> {
    return this.controller.downloadAttachment(args);
  }

  getAttachmentURL(args: AttachmentArgs): Promise<string> {
    return this.controller.getAttachmentURL(args);
  }

  describeView(args: DescribeViewArgs): Promise<Result> {
    return this.controller.describeView(args);
  }

  getAuthenticationUrl(args: GetAuthenticationUrlArgs): Promise<Result> {
    return this.controller.getAuthenticationUrl(args);
  }

  cancelParticipantAuthentication(args: CancelParticipantAuthenticationArgs): Promise<Result> {
    return this.controller.cancelParticipantAuthentication(args);
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
