/** What is behind a session: calls on their way to the core, events on their way to the application. */
import type { Call, DoneOutput, EventOutput, Item, SessionOptions } from "../host/core";
import { type Also, type Answer, type Host, host, type Listener } from "../host/host";
import { CALLBACKS, Delivery, EVENTS, type Handler, Handlers, later } from "./callbacks";
import type { Settings } from "./config";
import { type Level, log, LogLevel } from "./log";
import {
  callFailed,
  type ChatDetails,
  type ConnectionDetails,
  connectionDetails,
  type ConnectResult,
  failure,
  notConnected,
  type Result,
} from "./results";
import {
  checkContentType,
  checkMessage,
  type GetTranscriptArgs,
  type Participant,
  type SendEventArgs,
  type SendMessageArgs,
  SessionTypes,
  type WithMetadata,
} from "./rules";

const CONNECT_FAILED = "Failed to fetch connectionDetails with createParticipantConnection";
const TYPING = "application/vnd.amazonaws.connect.event.typing";

/** What is behind a session. Applications of the original reach through to it now and then. */
export class Controller implements Listener {
  protected readonly participant: Participant;
  protected readonly settings: Settings;
  protected readonly handlers = new Handlers((error, name) => {
    this.log(LogLevel.ERROR, `a callback of ${name} failed:`, error);
  });
  protected host: Host;
  protected session = 0;
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
    this.participant = participant;
    this.settings = chosen;
    this.host = host(chosen.core);
  }

  /** Begins the session in the core, which may tell of it at once. */
  begin(): this {
    this.session = this.host.create(this.options(), this);
    return this;
  }

  /** What the core is told of the session. */
  protected options(): SessionOptions {
    const { participantToken = "", ...rest } = this.participant;
    const { endpoint, userAgent } = this.settings;
    return { endpoint, userAgent, participantToken, ...rest };
  }

  subscribe(name: string, callback: Handler): () => void {
    return this.handlers.subscribe(name, callback);
  }

  getChatDetails(): ChatDetails {
    const { initialContactId, contactId, participantId, participantToken } = this.participant;
    return { initialContactId, contactId, participantId, participantToken, connectionDetails: this.#connection };
  }

  /** A connection that is there or on its way is not made twice; after a failure this tries again (D5). */
  connect(args?: WithMetadata): Promise<ConnectResult> {
    this.#connecting ??= this.#connect(args?.metadata || null);
    return this.#connecting;
  }

  async #connect(metadata: unknown): Promise<ConnectResult> {
    this.#metadata = metadata;
    if (this.host.failed) {
      this.host = host(this.settings.core);
      this.begin();
    }
    try {
      const { websocketStatus = this.#websocketStatus } = await this.call({ type: "connect" });
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
    return this.whenActive("sendMessage", () => {
      const metadata = args.metadata || null;
      checkMessage(args.message);
      checkContentType(args.contentType);
      return this.send("sendMessage", args, args.message, metadata);
    });
  }

  sendEvent(args: SendEventArgs): Promise<Result> {
    return this.whenActive("sendEvent", () => {
      const metadata = args.metadata || null;
      checkContentType(args.contentType);
      let content = args.content || undefined;
      // Content is JSON whatever the event; what is none throws (S86).
      if (typeof content === "string") JSON.parse(content);
      else if (content !== undefined) content = JSON.stringify(content);
      return this.send("sendEvent", args, content as string | undefined, metadata);
    });
  }

  getTranscript(args: GetTranscriptArgs = {}): Promise<Result> {
    return this.whenActive("getTranscript", () => {
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
      return this.result("getTranscript", what, { metadata });
    });
  }

  disconnectParticipant(): Promise<Result> {
    return this.whenActive("disconnectParticipant", () =>
      this.result("disconnectParticipant", { type: "disconnectParticipant" }, {}),
    );
  }

  /** Arguments are looked at only when a call is possible (S65). */
  protected whenActive(method: string, call: () => Promise<Result>): Promise<Result> {
    if (this.#active) return call();
    this.log(LogLevel.ERROR, `${method} needs a connected session`);
    return Promise.reject(notConnected(method));
  }

  protected send(
    type: "sendMessage" | "sendEvent",
    { contentType, clientToken }: SendMessageArgs | SendEventArgs,
    content: string | undefined,
    metadata: unknown,
    also?: Also,
  ): Promise<Result> {
    return this.result(type, { type, contentType, content, clientToken: clientToken || undefined }, { metadata }, also);
  }

  /** The result of a call in the form of the original; `metadata` is a member of it or is not. */
  protected async result(method: string, what: Call, metadata: { metadata?: unknown }, also?: Also): Promise<Result> {
    try {
      const answer = await this.call(what, also);
      let { data = {} } = answer;
      if (answer.earlier !== undefined && answer.earlier === this.#lastTyping?.call) {
        data = this.#lastTyping.data ?? data;
      } else if ("contentType" in what && what.contentType === TYPING) {
        this.#lastTyping = answer;
      }
      return { data, ...metadata };
    } catch (error) {
      throw callFailed(method, error as DoneOutput, metadata);
    }
  }

  protected async call(what: Call, also?: Also): Promise<Answer> {
    this.#underWay++;
    try {
      return await this.host.call(this.session, what, also);
    } finally {
      this.#underWay--;
      this.#leave();
    }
  }

  /** Nothing more will happen in a session that has ended and whose calls have. */
  #leave(): void {
    if (this.#ended && this.#underWay === 0) this.host.forget(this.session);
  }

  item(kind: number, item: Item): void {
    this.tell(EVENTS[kind] ?? CALLBACKS.onMessage, item);
  }

  /** Tells the application something, in a task of its own. */
  protected tell(name: string, data: unknown): void {
    later(new Delivery(this.handlers, name, { data, chatDetails: this.getChatDetails() }));
  }

  event(event: EventOutput): void {
    const chatDetails = this.getChatDetails();
    const tell = (name: string) => this.tell(name, {});
    switch (event.type) {
      case "established":
        // The first comes of `connect` and has another form (S50, S51).
        if (event.bySocket) tell(CALLBACKS.onConnectionEstablished);
        else
          later({
            run: () => this.handlers.trigger(CALLBACKS.onConnectionEstablished, { chatDetails, ...this.#connected() }),
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
    this.handlers.trigger(CALLBACKS.onEnded, payload);
    this.handlers.clear();
    this.#active = false;
    this.#ended = true;
    this.#leave();
  }

  connection(body: string): void {
    // The details are those of the first connection (S56).
    if (!this.#active) this.#connection = connectionDetails(body);
  }

  log(level: Level, ...message: unknown[]): void {
    const { contactId, participantId } = this.participant;
    log(
      level,
      { contactId, participantId, sessionType: SessionTypes.CUSTOMER, region: this.settings.region },
      ...message,
    );
  }
}
