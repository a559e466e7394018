/** Chat sessions as applications see them: the API, values and errors of ChatJS 5.0.0. */
import { type Settings, settings } from "./config";
import type { Call, DoneOutput, EventOutput, Item } from "./core";
import { type Handler, Handlers, later, type Task } from "./events";
import { type Answer, type Host, host, type Listener } from "./host";
import { type Level, log, LogLevel } from "./log";
import {
  type ChatDetailsInput,
  checkContentType,
  checkMessage,
  IllegalArgument,
  type Participant,
  readChatDetails,
} from "./rules";

/** The types of sessions. */
export const SessionTypes = { AGENT: "AGENT", CUSTOMER: "CUSTOMER" } as const;

/** The argument of `create`. */
export interface CreateArgs {
  chatDetails: ChatDetailsInput;
  type?: keyof typeof SessionTypes;
  options?: { region?: string };
}

/** What the application gives with a call and finds again in its result. */
interface WithMetadata {
  metadata?: unknown;
}

/** The argument of `sendMessage`. */
export interface SendMessageArgs extends WithMetadata {
  message: string;
  contentType: string;
  clientToken?: string;
}

/** The argument of `sendEvent`. */
export interface SendEventArgs extends WithMetadata {
  contentType: string;
  content?: unknown;
  clientToken?: string;
}

/** The argument of `getTranscript`. */
export interface GetTranscriptArgs extends WithMetadata {
  contactId?: string;
  maxResults?: number;
  nextToken?: string;
  scanDirection?: string;
  sortOrder?: string;
  startPosition?: { id?: string; absoluteTime?: string; mostRecent?: number };
}

/** What the service gave for a connection (S56). */
export interface ConnectionDetails {
  url: string | undefined;
  expiry: string | undefined;
  transportLifeTimeInSeconds: number;
  connectionAcknowledged: boolean;
  connectionToken: string | undefined;
  connectionTokenExpiry: string | undefined;
}

/** The details of a chat (S56). */
export interface ChatDetails extends Participant {
  connectionDetails: ConnectionDetails | undefined;
}

/** A result of the service (S59). */
export interface Result {
  data: Record<string, unknown>;
  metadata?: unknown;
}

/** What `connect` gives (S46). */
export interface ConnectResult {
  _debug: { websocketStatus: string };
  connectSuccess: true;
  connectCalled: true;
  metadata: unknown;
}

/** The original's name of each callback and of its event (S118). Those of items come first, in the order of the core's kinds. */
const CALLBACKS = {
  onMessage: "INCOMING_MESSAGE",
  onTyping: "INCOMING_TYPING",
  onReadReceipt: "INCOMING_READ_RECEIPT",
  onDeliveredReceipt: "INCOMING_DELIVERED_RECEIPT",
  onParticipantIdle: "PARTICIPANT_IDLE",
  onParticipantReturned: "PARTICIPANT_RETURNED",
  onAutoDisconnection: "AUTODISCONNECTION",
  onParticipantInvited: "PARTICIPANT_INVITED",
  onAuthenticationInitiated: "AUTHENTICATION_INITIATED",
  onAuthenticationSuccessful: "AUTHENTICATION_SUCCESSFUL",
  onAuthenticationFailed: "AUTHENTICATION_FAILED",
  onAuthenticationTimeout: "AUTHENTICATION_TIMEOUT",
  onAuthenticationExpired: "AUTHENTICATION_EXPIRED",
  onAuthenticationCanceled: "AUTHENTICATION_CANCELED",
  onParticipantDisplayNameUpdated: "PARTICIPANT_DISPLAYNAME_UPDATED",
  onChatRehydrated: "CHAT_REHYDRATED",
  onConnectionEstablished: "CONNECTION_ESTABLISHED",
  onConnectionLost: "CONNECTION_LOST",
  onConnectionBroken: "CONNECTION_BROKEN",
  onDeepHeartbeatSuccess: "DEEP_HEARTBEAT_SUCCESS",
  onDeepHeartbeatFailure: "DEEP_HEARTBEAT_FAILURE",
  onEnded: "CHAT_ENDED",
} as const;

type Callbacks = { [name in keyof typeof CALLBACKS]: (callback: Handler) => () => void };

const TYPING = "application/vnd.amazonaws.connect.event.typing";
const EVENTS = Object.values(CALLBACKS);
/** The names of errors that arise on this side, and what they say unless they know better. */
const ERRORS: Record<string, readonly [type: string, message: string]> = {
  badAnswer: ["SyntaxError", "the service's answer cannot be used"],
  cancelled: ["AbortError", "the call was cancelled"],
  closed: ["AbortError", "the session is closed"],
  invalid: ["ValidationException", "an argument does not fit"],
  outboxFull: ["ThrottlingException", "too many messages are waiting to be sent"],
  receiptsOff: ["Error", "receipts are switched off for this session"],
  storage: ["Error", "the storage did not take or give the file"],
  unreachable: ["TypeError", "the service could not be reached"],
};
const CONNECT_FAILED = "Failed to fetch connectionDetails with createParticipantConnection";
/** How long the original keeps a socket before it opens the next. */
const SOCKET_LIFE_S = 3540;

/** An event of the application, in a task of its own. */
class Delivery implements Task {
  constructor(
    readonly handlers: Handlers,
    readonly name: string,
    readonly payload: unknown,
  ) {}

  run(): void {
    this.handlers.trigger(this.name, this.payload);
  }
}

/** What is behind a session. Applications of the original reach through to it now and then. */
class Controller implements Listener {
  readonly #participant: Participant;
  readonly #settings: Settings;
  readonly #handlers = new Handlers((error, name) => {
    this.log(LogLevel.ERROR, `a callback of ${name} failed:`, error);
  });
  #host: Host;
  #session: number;
  #connection: ConnectionDetails | undefined;
  #connecting: Promise<ConnectResult> | undefined;
  /** What the socket did when `connect` succeeded (S47). */
  #websocketStatus = "Starting";
  /** What the application gave `connect`. */
  #metadata: unknown = null;
  /** Whether calls are possible: a connection was made, and the application has not been told of the end. */
  #active = false;
  #ended = false;
  /** How many calls have not ended. */
  #underWay = 0;
  #lastTyping: Answer | undefined;

  constructor(participant: Participant, chosen: Settings) {
    this.#participant = participant;
    this.#settings = chosen;
    this.#host = host();
    this.#session = this.#create();
  }

  #create(): number {
    const { participantToken = "", ...rest } = this.#participant;
    const { endpoint, userAgent } = this.#settings;
    return this.#host.create({ endpoint, userAgent, participantToken, ...rest }, this);
  }

  subscribe(name: string, callback: Handler): () => void {
    return this.#handlers.subscribe(name, callback);
  }

  getChatDetails(): ChatDetails {
    const { initialContactId, contactId, participantId, participantToken } = this.#participant;
    return { initialContactId, contactId, participantId, participantToken, connectionDetails: this.#connection };
  }

  /** A connection that is there or on its way is not made twice; after a failure this tries again (D5). */
  connect(args?: WithMetadata): Promise<ConnectResult> {
    this.#connecting ??= this.#connect(args?.metadata || null);
    return this.#connecting;
  }

  async #connect(metadata: unknown): Promise<ConnectResult> {
    this.#metadata = metadata;
    if (this.#host.failed) {
      this.#host = host();
      this.#session = this.#create();
    }
    try {
      const { websocketStatus = this.#websocketStatus } = await this.#call({ type: "connect" });
      this.#websocketStatus = websocketStatus;
    } catch (error) {
      this.#connecting = undefined;
      const _debug = { reason: CONNECT_FAILED, _debug: failure(error as DoneOutput) };
      throw { _debug, connectSuccess: false, connectCalled: true, metadata };
    }
    this.#active = true;
    return this.#connected();
  }

  #connected(): ConnectResult {
    const metadata = this.#metadata;
    const websocketStatus = this.#websocketStatus;
    return { _debug: { websocketStatus }, connectSuccess: true, connectCalled: true, metadata };
  }

  sendMessage(args: SendMessageArgs): Promise<Result> {
    return this.#whenActive("sendMessage", () => {
      const metadata = args.metadata || null;
      checkMessage(args.message);
      checkContentType(args.contentType);
      return this.#send("sendMessage", args, args.message, metadata);
    });
  }

  sendEvent(args: SendEventArgs): Promise<Result> {
    return this.#whenActive("sendEvent", () => {
      const metadata = args.metadata || null;
      checkContentType(args.contentType);
      let content = args.content || undefined;
      // Content is JSON whatever the event; what is none throws (S86).
      if (typeof content === "string") JSON.parse(content);
      else if (content !== undefined) content = JSON.stringify(content);
      return this.#send("sendEvent", args, content as string | undefined, metadata);
    });
  }

  getTranscript(args: GetTranscriptArgs = {}): Promise<Result> {
    return this.#whenActive("getTranscript", () => {
      const metadata = args.metadata || null;
      const { id, absoluteTime, mostRecent } = args.startPosition || {};
      const what: Call = {
        type: "getTranscript",
        contactId: args.contactId || undefined,
        maxResults: args.maxResults || 15,
        nextToken: args.nextToken || undefined,
        scanDirection: args.scanDirection || "BACKWARD",
        sortOrder: args.sortOrder || "ASCENDING",
        id,
        absoluteTime,
        mostRecent,
      };
      return this.#result("getTranscript", what, { metadata });
    });
  }

  disconnectParticipant(): Promise<Result> {
    return this.#whenActive("disconnectParticipant", () =>
      this.#result("disconnectParticipant", { type: "disconnectParticipant" }, {}),
    );
  }

  /** Arguments are looked at only when a call is possible (S65). */
  #whenActive(method: string, call: () => Promise<Result>): Promise<Result> {
    if (this.#active) return call();
    this.log(LogLevel.ERROR, `${method} needs a connected session`);
    return Promise.reject(notConnected(method));
  }

  #send(
    type: "sendMessage" | "sendEvent",
    { contentType, clientToken }: SendMessageArgs | SendEventArgs,
    content: string | undefined,
    metadata: unknown,
  ): Promise<Result> {
    return this.#result(type, { type, contentType, content, clientToken: clientToken || undefined }, { metadata });
  }

  /** The result of a call in the form of the original; `metadata` is a member of it or is not. */
  async #result(method: string, what: Call, metadata: { metadata?: unknown }): Promise<Result> {
    try {
      const answer = await this.#call(what);
      let { data = {} } = answer;
      if (answer.earlier !== undefined && answer.earlier === this.#lastTyping?.call) {
        data = this.#lastTyping.data ?? data;
      } else if ("contentType" in what && what.contentType === TYPING) {
        this.#lastTyping = answer;
      }
      return { data, ...metadata };
    } catch (error) {
      const done = error as DoneOutput;
      throw done.error === "notConnected" ? notConnected(method) : { ...failure(done), ...metadata };
    }
  }

  async #call(what: Call): Promise<Answer> {
    this.#underWay++;
    try {
      return await this.#host.call(this.#session, what);
    } finally {
      this.#underWay--;
      this.#leave();
    }
  }

  /** Nothing more will happen in a session that has ended and whose calls have. */
  #leave(): void {
    if (this.#ended && this.#underWay === 0) this.#host.forget(this.#session);
  }

  item(kind: number, item: Item): void {
    later(
      new Delivery(this.#handlers, EVENTS[kind] ?? CALLBACKS.onMessage, {
        data: item,
        chatDetails: this.getChatDetails(),
      }),
    );
  }

  event(event: EventOutput): void {
    const chatDetails = this.getChatDetails();
    const tell = (name: string, payload: unknown = { data: {}, chatDetails }) =>
      later(new Delivery(this.#handlers, name, payload));
    switch (event.type) {
      case "established":
        // The first comes of `connect` and has another form (S50, S51).
        if (event.bySocket) tell(CALLBACKS.onConnectionEstablished);
        else
          later({
            run: () => this.#handlers.trigger(CALLBACKS.onConnectionEstablished, { chatDetails, ...this.#connected() }),
          });
        break;
      case "lost":
        tell(CALLBACKS.onConnectionLost);
        break;
      case "broken":
        this.#connecting = undefined;
        tell(CALLBACKS.onConnectionBroken);
        break;
      case "deepHeartbeat":
        tell(event.success ? CALLBACKS.onDeepHeartbeatSuccess : CALLBACKS.onDeepHeartbeatFailure);
        break;
      case "ended":
        later({ run: () => this.#end({ data: null, chatDetails }) });
        break;
      default:
        this.log(LogLevel.WARN, `nobody here knows what ${event.type} means`);
    }
  }

  /** The last the application hears (S160). */
  #end(payload: unknown): void {
    this.#handlers.trigger(CALLBACKS.onEnded, payload);
    this.#handlers.clear();
    this.#active = false;
    this.#ended = true;
    this.#leave();
  }

  connection(body: string): void {
    // The details are those of the first connection (S56).
    if (!this.#active) this.#connection = connectionDetails(body);
  }

  log(level: Level, ...message: unknown[]): void {
    const { contactId, participantId } = this.#participant;
    log(
      level,
      { contactId, participantId, sessionType: SessionTypes.CUSTOMER, region: this.#settings.region },
      ...message,
    );
  }
}

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
  return new ChatSession(new Controller(participant, chosen));
}

/** The text that a call without a connection rejects with (S57). */
function notConnected(method: string): string {
  return `Failed to call ${method}, No active connection`;
}

/** What a call that failed rejects with (S60), but for the metadata. */
function failure({ error, name, status, message: told, member, rule }: DoneOutput) {
  const [known, text] = ERRORS[error ?? ""] ?? ["Error", ""];
  let type = name ?? known;
  let message = told ?? (member ? `${member}: ${rule}` : text);
  if (error === "unreachable") {
    // The host put the name of what `fetch` threw before its text.
    const [, thrown, text] = /^(\w+): (.*)$/s.exec(message) ?? [];
    if (thrown && text) [type, message] = [thrown, text];
  }
  const [, ...trace] = (new Error().stack ?? "").split("\n");
  return { type, message, stack: [`${type}: ${message}`, ...trace], statusCode: status };
}

/** Reads the details of a connection; `undefined` when the answer is none (S56). */
function connectionDetails(body: string): ConnectionDetails | undefined {
  interface Body {
    Websocket: { Url?: string; ConnectionExpiry?: string };
    ConnectionCredentials: { ConnectionToken?: string; Expiry?: string };
  }
  try {
    const { Websocket: socket, ConnectionCredentials: credentials } = JSON.parse(body) as Body;
    return {
      url: socket.Url,
      expiry: socket.ConnectionExpiry,
      transportLifeTimeInSeconds: SOCKET_LIFE_S,
      connectionAcknowledged: false,
      connectionToken: credentials.ConnectionToken,
      connectionTokenExpiry: credentials.Expiry,
    };
  } catch {
    return undefined;
  }
}
