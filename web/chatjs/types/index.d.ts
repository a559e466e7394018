/// <reference path="./connect.d.ts" />
// What `import { ... } from "@chatloom/chatjs"` gives. Sessions are those of amazon-connect-chatjs (connect.d.ts),
// told more precisely: each method and callback takes what the original's typings say, and also what is really
// given. What only Chatloom behaviour has is in behaviour.d.ts.

import type { ChatloomOptions, ChatloomSession, ResumeArgs } from "./behaviour.js";
import type { Item } from "./item.js";

export type * from "./behaviour.js";
export type * from "./item.js";

/** Makes sessions; the same object as `connect.ChatSession` unless another library was there before. */
export const ChatSession: ChatSessionApi;
/** The levels of messages for developers. */
export const LogLevel: LogLevels;
/** A logger that does nothing, to be extended. */
export const Logger: typeof LoggerBase;
/** Makes loggers that write where the application's configuration says. */
export const LogManager: LogManagerApi;
export const SessionTypes: connect.ChatSessionTypes;
export const csmService: connect.CSMService;

export interface LogLevels extends connect.ChatLogLevel {
  readonly ADVANCED_LOG: 50;
}

declare class LoggerBase {
  debug(...message: unknown[]): unknown;
  info(...message: unknown[]): unknown;
  warn(...message: unknown[]): unknown;
  error(...message: unknown[]): unknown;
  advancedLog(...message: unknown[]): unknown;
}

export interface LogManagerApi {
  /** A logger for one part of an application. */
  getLogger(options: { prefix?: string; logMetaData?: unknown }): LoggerBase;
  updateLoggerConfig(config: LoggerConfig | null | undefined): void;
}

/** Where messages for developers go. */
export interface LoggerConfig {
  /** Gets the messages; without one, and without `useDefaultLogger`, nothing is logged. */
  customizedLogger?: Pick<LoggerBase, "debug" | "info" | "warn" | "error">;
  /** Another name of the same. */
  logger?: Pick<LoggerBase, "debug" | "info" | "warn" | "error">;
  /** The lowest level that is written, `LogLevel.INFO` unless said. */
  level?: LogLevels[keyof LogLevels];
  /** Write to the console. */
  useDefaultLogger?: boolean;
  /** The method of the logger that gets messages of the level `ADVANCED_LOG`. */
  advancedLogWriter?: "warn" | "info" | "debug" | "log";
}

/** Who speaks in which chat: the `data.startChatResult` of a back end will do as it is. */
export type ChatDetailsInput = { [name: string]: unknown } & (
  { contactId: string; participantId: string } | { ContactId: string; ParticipantId: string }
) & {
    initialContactId?: string;
    InitialContactId?: string;
    participantToken?: string | null;
    ParticipantToken?: string | null;
    /** Of an agent under Streams. */
    getConnectionToken?: () => Promise<unknown>;
  };

export interface CreateOptions {
  /** The AWS region of the service. */
  region?: string;
  /** How the session behaves, beyond what the original does; `true` for all that needs no further word. */
  chatloom?: ChatloomOptions | boolean;
  /** Makes the requests in place of `fetch`. */
  participantClient?: ParticipantClient;
}

/**
 * A client of the AWS SDK for the Participant Service, made with the application's own settings. Of version 3 a
 * `ConnectParticipant`; or `{ send, SendMessageCommand, ... }`, a `ConnectParticipantClient`'s `send` and the
 * classes of the commands. Of version 2 an `AWS.ConnectParticipant`.
 */
export type ParticipantClient = object;

interface CreateArgs {
  chatDetails: ChatDetailsInput;
  options?: CreateOptions;
  /** Changes nothing: no metrics are sent in any case. */
  disableCSM?: boolean;
}

/** A session of a customer. */
export interface CreateCustomer extends CreateArgs {
  type: "CUSTOMER";
}

/** A session of an agent, which it is when nothing is said. */
export interface CreateAgent extends CreateArgs {
  type?: "AGENT";
  /** The agent's socket, of Streams: `connect.core.getWebSocketManager()`. */
  websocketManager?: object | null;
}

/** The same with Chatloom behaviour. */
type InChatloom = { options: { chatloom: ChatloomOptions | true } };

/** What `setGlobalConfig` takes. */
export interface GlobalConfig {
  /** The AWS region of the service, `us-west-2` unless said. */
  region?: string;
  /** Where the service is, if not at Amazon Connect. */
  endpoint?: string;
  /** Joins the `x-amz-user-agent` of each request. */
  customUserAgentSuffix?: string;
  loggerConfig?: LoggerConfig;
  features?: {
    messageReceipts?: {
      /** Whether receipts are sent; they are unless switched off. */
      shouldSendMessageReceipts?: boolean;
      /** Receipts are gathered for so long, in milliseconds; 5,000 unless said. */
      throttleTime?: number;
    };
  };
  /** As `features.messageReceipts.throttleTime`. */
  throttleTime?: number;
  webSocketManagerConfig?: {
    /** Whether there is a network, where the platform has no `navigator.onLine`. */
    isNetworkOnline?: () => boolean | Promise<boolean>;
  };
  /** Of the original's metrics, which are not there, the one thing that a page can see. */
  csmConfig?: { widgetType?: string };
  /** Chatloom behaviour for the sessions that are created from then on. */
  chatloom?: ChatloomOptions | boolean;
}

/** What `ChatSession` is. */
export interface ChatSessionApi extends connect.ChatSessionObject {
  create(args: CreateCustomer & InChatloom): CustomerSession & ChatloomSession;
  create(args: CreateAgent & InChatloom): AgentSession & ChatloomSession;
  create(args: CreateCustomer): CustomerSession;
  create(args: CreateAgent): AgentSession;
  create(args: connect.AgentChatSessionArgs): AgentSession;
  create(args: connect.CustomerChatSessionArgs): CustomerSession;
  /**
   * The session of a chat that was kept (`chatloom.storage`), with the messages that had not been sent; nothing
   * when none is kept. It is not connected: add callbacks and call `connect`.
   */
  resume(args?: ResumeArgs): Promise<(CustomerSession & ChatloomSession) | undefined>;
  setGlobalConfig(config: GlobalConfig | connect.ChatGlobalConfig): void;
  LogLevel: LogLevels;
  Logger: connect.ChatLogger & typeof LoggerBase;
  /** A region that goes before any other; an empty one is none. */
  setRegionOverride(region: string | null | undefined): void;
}

/** Takes a callback away again. */
export type Unsubscribe = () => void;

/** Subscribes; a handler may be declared for what the original's typings say, or for what is really given. */
interface Subscribe<Original, Precise> {
  (handler: (event: Original) => void): Unsubscribe;
  (handler: (event: Precise) => void): Unsubscribe;
}

/** What a callback gets. */
export interface SessionEvent {
  readonly chatDetails: ChatDetails;
}

/** What a callback of items gets: the item as it came. */
export interface ItemEvent extends SessionEvent {
  readonly data: Item;
}

/** What `onTranscriptUpdated` gets. */
export interface TranscriptEvent extends SessionEvent {
  readonly data: {
    /** The whole list, oldest first, messages that are being sent last. It is the application's own. */
    readonly transcript: readonly TranscriptEntry[];
    /** Where the entries before the first begin: `null` while nobody knows, nothing when there are none. */
    readonly previousTranscriptNextToken: string | null | undefined;
  };
}

/** How far a message of one's own has come. */
export type MessageStatus = "SENDING" | "SENT" | "DELIVERED" | "READ" | "FAILED";

/** An item of the transcript, or a message that is being sent and has no item yet. */
export type TranscriptEntry = (Item | PendingMessage) & {
  /** The JSON text of the item. */
  readonly serializedContent?: string;
};

/** A message that is being sent, or that failed. */
export interface PendingMessage {
  readonly Type: "MESSAGE";
  readonly Id: string;
  readonly ContentType: string;
  readonly Content: string;
  /** Empty until it is known. */
  readonly AbsoluteTime: string;
  readonly DisplayName?: string;
  readonly ParticipantRole?: string;
  readonly MessageMetadata: { readonly Status: MessageStatus };
}

/** The chat of a session, and its connection. */
export interface ChatDetails {
  readonly contactId: string;
  readonly initialContactId: string;
  readonly participantId: string;
  readonly participantToken?: string | null | undefined;
  readonly connectionDetails?: ConnectionDetails | undefined;
}

/** What the service gave for a connection. Both addresses and tokens are secrets. */
export interface ConnectionDetails {
  readonly url: string | null | undefined;
  /** ISO 8601. */
  readonly expiry: string | null | undefined;
  readonly transportLifeTimeInSeconds: number;
  readonly connectionAcknowledged: boolean;
  readonly connectionToken: string | undefined;
  /** ISO 8601. */
  readonly connectionTokenExpiry: string | undefined;
}

/** What a call of the service resolves with. */
export interface Result<Data, Metadata = unknown> {
  readonly data: Data & {
    readonly $metadata: {
      readonly httpStatusCode: number;
      readonly requestId?: string;
      readonly attempts: number;
      readonly totalRetryDelay: number;
    };
  };
  /** What the application gave with the call. */
  readonly metadata?: Metadata;
}

/** What a call of the service rejects with. */
export interface Failure<Metadata = unknown> {
  /** The name of the error, of the service or of this side. */
  readonly type: string;
  /** For people. */
  readonly message: string;
  readonly stack: readonly string[];
  readonly statusCode?: number | undefined;
  readonly metadata?: Metadata | null;
}

/** What sessions of agents and customers have in common. */
interface Session extends connect.ChatSessionInterface {
  onMessage: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onTyping: Subscribe<connect.ChatTypingEvent, ItemEvent>;
  onReadReceipt: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onDeliveredReceipt: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onParticipantIdle: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onParticipantReturned: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onParticipantInvited: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onAutoDisconnection: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onParticipantDisplayNameUpdated: Subscribe<connect.ChatParticipantDisplayNameUpdatedEvent, ItemEvent>;
  onChatRehydrated: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onAuthenticationInitiated: Subscribe<connect.ChatAuthenticationInitiatedEvent, ItemEvent>;
  onAuthenticationSuccessful: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onAuthenticationFailed: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onAuthenticationTimeout: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  /** In the original's code though not in its typings. */
  onAuthenticationExpired: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onAuthenticationCanceled: Subscribe<connect.ChatMessageEvent, ItemEvent>;
  onEnded: Subscribe<connect.ChatEndedEvent, SessionEvent & { readonly data?: Item }>;
  onConnectionEstablished: Subscribe<connect.ChatConnectionEstablishedEvent, SessionEvent>;
  onConnectionLost: Subscribe<connect.ChatConnectionLostEvent, SessionEvent>;
  onConnectionBroken: Subscribe<connect.ChatConnectionBrokenEvent, SessionEvent>;
  onDeepHeartbeatSuccess: Subscribe<connect.ChatMessageEvent, SessionEvent>;
  onDeepHeartbeatFailure: Subscribe<connect.ChatMessageEvent, SessionEvent>;
  onTranscriptUpdated: Subscribe<connect.ChatTranscriptUpdatedEvent, TranscriptEvent>;
}

/** A session of a customer. */
export interface CustomerSession extends Session {
  /** Leaves the chat. Nothing can be sent afterwards. */
  disconnectParticipant(): Promise<connect.ParticipantServiceResponse<void>>;
}

/** A session of an agent. */
export interface AgentSession extends Session {
  /** Takes every callback of the session away. */
  cleanUpOnParticipantDisconnect(): void;
}
