/** What is behind a session: calls on their way to the core, events on their way to the application. */
import type { ConnectionDetails } from "../../types/index";
import type { Call, DoneOutput, EventOutput, Item, SessionOptions } from "../host/core";
import { type Host, host } from "../host/host";
import type { Values } from "../host/border";
import { textOf } from "../host/parsed";
import type { Also, Answer, Listener, Means } from "../host/session";
import { later } from "../host/tasks";
import { CALLBACKS, EVENTS, type Handler, Handlers } from "./callbacks";
import { sendsReceipts, type Settings } from "./config";
import { type Level, log, LogLevel } from "./log";
import {
  callFailed,
  type ChatDetails,
  connectFailed,
  type ConnectResult,
  type Download,
  neverConnected,
  noConnection,
  notConnected,
  type Result,
} from "./results";
import {
  type AttachmentArgs,
  type CancelParticipantAuthenticationArgs,
  checkContentType,
  checkMessage,
  type DescribeViewArgs,
  type GetAuthenticationUrlArgs,
  type GetTranscriptArgs,
  isReceipt,
  type Participant,
  type SendAttachmentArgs,
  type SendEventArgs,
  type SendMessageArgs,
  type SessionType,
  SessionTypes,
  type WithMetadata,
} from "./rules";
import { Transcript, type TranscriptData } from "./transcript";

/** What the socket does, in the words of `getConnectionStatus` (S83). */
const LINK_STATUS: Record<string, string> = {
  Starting: "Establishing",
  Connected: "Established",
  DeepHeartbeatSuccess: "Established",
};

/** So many chats that are over can still be asked about views and sign-in (S58). */
const MOST_ENDED = 20;
const ended: (() => void)[] = [];

/** What is behind a session. Applications of the original reach through to it now and then. */
export class Controller implements Listener, Participant {
  declare readonly initialContactId: string;
  declare readonly contactId: string;
  declare readonly participantId: string;
  declare readonly participantToken: string | undefined;
  protected readonly settings: Settings;
  /** What the first connection was given (S56). */
  connectionDetails: ConnectionDetails | undefined;
  /** The callbacks of the application. */
  readonly pubsub: Handlers;
  protected host: Host;
  protected session = 0;
  #connecting: Promise<ConnectResult> | undefined;
  /** What the socket did when `connect` succeeded (S47). */
  #websocketStatus = "Starting";
  /** What it does now; nothing before the first `connect` has succeeded. */
  #status: string | undefined;
  #token: string | undefined;
  /** What the application gave `connect`. */
  #metadata: unknown = null;
  /** The application has been told of the end. */
  #ended = false;
  /** The answers of the latest events that may stand for later ones, by content type (S90, S105). */
  readonly #latest: Record<string, Answer> = {};
  #transcript: Transcript | undefined;

  constructor(participant: Participant, chosen: Settings, callbacks = handlersOf(participant, chosen)) {
    Object.assign(this, participant);
    this.settings = chosen;
    this.pubsub = callbacks;
    this.host = host(chosen.core);
  }

  /** Begins the session in the core, which may tell of it at once. */
  begin(): this {
    this.session = this.host.create(this.options(), this);
    this.#transcript = undefined;
    this.#trackIfWanted();
    return this;
  }

  /** What the core is told of the session. */
  protected options(): SessionOptions {
    const { initialContactId, contactId, participantId, participantToken = "" } = this;
    const { endpoint, userAgent, receiptThrottleMs } = this.settings;
    const who = { initialContactId, contactId, participantId, participantToken };
    return { ...who, agent: this.#isAgent, endpoint, userAgent, receiptThrottleMs };
  }

  get means(): Means {
    return this.settings.means ?? {};
  }

  get sessionType(): SessionType {
    return this.settings.sessionType;
  }

  get #isAgent(): boolean {
    return this.sessionType === SessionTypes.AGENT;
  }

  subscribe(name: string, callback: Handler): () => void {
    const unsubscribe = this.pubsub.subscribe(name, callback);
    this.#trackIfWanted();
    return unsubscribe;
  }

  #trackIfWanted(): void {
    if (this.#transcript || !this.pubsub.has(CALLBACKS.onTranscriptUpdated)) return;
    this.#transcript = new Transcript(this.sessionType);
    this.host.track(this.session);
  }

  getChatDetails(): ChatDetails {
    const { initialContactId, contactId, participantId, participantToken, connectionDetails } = this;
    return { initialContactId, contactId, participantId, participantToken, connectionDetails };
  }

  /** Where applications find the newest connection token, to call the service themselves; nothing before there is one. */
  get connectionHelper() {
    if (this.#status === undefined) return undefined;
    return { getConnectionToken: () => this.#token, getStatus: () => this.#status };
  }

  /** The same by another way. */
  get connectionDetailsProvider() {
    if (this.#token === undefined) return null;
    return { getFetchedConnectionToken: () => this.#token, getConnectionDetails: () => this.connectionDetails };
  }

  getConnectionStatus(): string {
    return LINK_STATUS[this.#connectedStatus()] ?? "Broken";
  }

  /** Throws before the first `connect` has succeeded (S58, S83). */
  #connectedStatus(): string {
    if (this.#status === undefined) throw neverConnected();
    return this.#status;
  }

  /** A connection that is there or on its way is not made twice; after a failure this tries again (D5). */
  connect(args: WithMetadata = {}): Promise<ConnectResult> {
    const metadata = args.metadata || null;
    this.#connecting ??= this.#connect(metadata);
    return this.#connecting;
  }

  async #connect(metadata: unknown): Promise<ConnectResult> {
    this.#metadata = metadata;
    if (this.#isAgent && typeof this.means.getConnectionToken !== "function") {
      throw connectFailed(new TypeError("chatDetails.getConnectionToken is not a function"), metadata);
    }
    if (this.host.failed) {
      this.host = host(this.settings.core);
      this.begin();
    }
    try {
      const { websocketStatus = "Starting" } = await this.call({ type: "connect" });
      this.#websocketStatus = websocketStatus;
      this.#status ??= websocketStatus;
    } catch (error) {
      this.#connecting = undefined;
      const cause = noConnection(error as DoneOutput);
      // The original's text for agents (S182), with what it leaves out beside it.
      throw connectFailed(this.#isAgent ? new Error("[object Object]", { cause }) : cause, metadata);
    }
    return this.#connected();
  }

  #connected(): ConnectResult {
    const metadata = this.#metadata;
    const websocketStatus = this.#websocketStatus;
    return { _debug: { websocketStatus }, connectSuccess: true, connectCalled: true, metadata };
  }

  sendMessage(args: SendMessageArgs): Promise<Result> {
    return this.whenActive("sendMessage", () => {
      const metadata = metadataOf(args);
      checkMessage(args.message);
      checkContentType(args.contentType);
      return this.send("sendMessage", args, args.message, metadata);
    });
  }

  sendEvent(args: SendEventArgs): Promise<Result> {
    return this.whenActive("sendEvent", () => {
      const metadata = metadataOf(args);
      checkContentType(args.contentType);
      const content = args.content || null;
      // Content is JSON whatever the event; what is none throws (S86).
      const parsed: unknown = typeof content === "string" ? JSON.parse(content) : content;
      let receipt: Values | undefined;
      if (isReceipt(args.contentType)) {
        const on = sendsReceipts();
        const { messageId, disableThrottle } = parsed as { messageId?: unknown; disableThrottle?: unknown };
        if (!on || !messageId) {
          const why = on ? "missing messageId" : "false";
          return Promise.reject({ errorMessage: `Ignoring messageReceipt: ${why}`, data: args });
        }
        receipt = [textOf(messageId), Number(Boolean(disableThrottle))];
      }
      const text = typeof content === "string" ? content : content === null ? undefined : JSON.stringify(content);
      return this.send("sendEvent", args, text, metadata, undefined, receipt);
    });
  }

  getTranscript(args: GetTranscriptArgs = {}): Promise<Result> {
    return this.whenActive("getTranscript", () => {
      const metadata = metadataOf(args);
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
      return this.result("getTranscript", what, metadata);
    });
  }

  sendAttachment(args: SendAttachmentArgs, also?: Also): Promise<Result> {
    return this.whenActive("sendAttachment", () => {
      const metadata = metadataOf(args);
      const { attachment: file } = args;
      const what: Call = { type: "sendAttachment", name: file.name, size: file.size, contentType: file.type };
      return this.result("sendAttachment", what, metadata, { ...also, file });
    });
  }

  downloadAttachment(args: AttachmentArgs): Promise<Download> {
    return this.whenActive("downloadAttachment", () => {
      const metadata = metadataOf(args);
      const what: Call = { type: "downloadAttachment", attachmentId: args.attachmentId };
      const answer = this.#answer("downloadAttachment", what, metadata);
      return answer.then(({ blob }) => Object.assign(blob as Blob, metadata));
    });
  }

  getAttachmentURL(args: AttachmentArgs): Promise<string> {
    return this.whenActive("getAttachmentURL", () => {
      const metadata = metadataOf(args);
      const what: Call = { type: "getAttachmentUrl", attachmentId: args.attachmentId };
      return this.#answer("getAttachmentURL", what, metadata).then(({ url = "" }) => url);
    });
  }

  describeView(args: DescribeViewArgs): Promise<Result> {
    return this.#sinceConnected({ type: "describeView", viewToken: args.viewToken }, args);
  }

  getAuthenticationUrl(args: GetAuthenticationUrlArgs): Promise<Result> {
    const { redirectUri, sessionId } = args;
    return this.#sinceConnected({ type: "getAuthenticationUrl", redirectUri, sessionId }, args);
  }

  cancelParticipantAuthentication(args: CancelParticipantAuthenticationArgs): Promise<Result> {
    return this.#sinceConnected({ type: "cancelParticipantAuthentication", sessionId: args.sessionId }, args);
  }

  disconnectParticipant(): Promise<Result> {
    return this.whenActive("disconnectParticipant", () =>
      this.result("disconnectParticipant", { type: "disconnectParticipant" }, {}),
    );
  }

  cleanUpOnParticipantDisconnect(): void {
    this.pubsub.unsubscribeAll();
  }

  /** Lets go of the connection without a word to the service: nothing more comes, and nothing can be sent. */
  breakConnection(): void {
    this.#ended = true;
    this.host.forget(this.session);
  }

  /** Arguments are looked at only when a call is possible (S65). */
  protected whenActive<T>(method: string, call: () => Promise<T>): Promise<T> {
    if (this.#status !== undefined && !this.#ended) return call();
    this.log(LogLevel.ERROR, `${method} needs a connected session`);
    return Promise.reject(notConnected(method));
  }

  /** Calls that the original makes after the end too (S58). */
  #sinceConnected(what: Call, args: WithMetadata): Promise<Result> {
    this.#connectedStatus();
    return this.result(what.type, what, metadataOf(args));
  }

  protected send(
    type: "sendMessage" | "sendEvent",
    { contentType, clientToken }: SendMessageArgs | SendEventArgs,
    content: string | undefined,
    metadata: WithMetadata,
    also?: Also,
    parsed?: Values,
  ): Promise<Result> {
    const what: Call = { type, contentType, content, clientToken: clientToken || undefined, parsed };
    return this.result(type, what, metadata, also);
  }

  /** The result of a call in the form of the original; `metadata` is a member of it or is not. */
  protected async result(method: string, what: Call, metadata: WithMetadata, also?: Also): Promise<Result> {
    let answer = await this.#answer(method, what, metadata, also);
    // A result of another form, which the original's types do not know either (S98).
    if (answer.alreadyFired) return { message: "Event already fired", ...metadata } as unknown as Result;
    if (what.type === "sendEvent") {
      const latest = this.#latest[what.contentType];
      if (latest && answer.earlier === latest.call) answer = latest;
      else this.#latest[what.contentType] = answer;
    }
    return { data: answer.data ?? {}, ...metadata };
  }

  /** What the core answers; what it rejects with in the form of the original. */
  async #answer(method: string, what: Call, metadata: WithMetadata, also?: Also): Promise<Answer> {
    try {
      return await this.call(what, also);
    } catch (error) {
      const done = error as DoneOutput;
      // The original stumbles over a receipt for which the chat ended too early (S108).
      if (done.error === "closed" && what.type === "sendEvent" && isReceipt(what.contentType)) {
        throw Object.assign(new TypeError("the chat ended before the receipt was sent"), metadata);
      }
      throw callFailed(method, done, metadata);
    }
  }

  protected call(what: Call, also?: Also): Promise<Answer> {
    return this.host.call(this.session, what, also);
  }

  item(kind: number, item: Item): void {
    this.tell(EVENTS[kind] ?? CALLBACKS.onMessage, item);
  }

  /** Tells the application something, in a task of its own. */
  protected tell(name: string, data: unknown = {}): void {
    this.pubsub.triggerAsync(name, { data, chatDetails: this.getChatDetails() });
  }

  #tellTranscript(data: (() => TranscriptData) | undefined, chatDetails: ChatDetails): void {
    if (data) later({ run: () => this.pubsub.trigger(CALLBACKS.onTranscriptUpdated, { data: data(), chatDetails }) });
  }

  event(event: EventOutput): void {
    const chatDetails = this.getChatDetails();
    switch (event.type) {
      case "established":
        if (event.bySocket) {
          this.#status = "Connected";
          this.tell(CALLBACKS.onConnectionEstablished);
        } else {
          // The first comes of `connect` and has another form (S50, S51).
          const run = () =>
            this.pubsub.trigger(CALLBACKS.onConnectionEstablished, { chatDetails, ...this.#connected() });
          later({ run });
        }
        break;
      case "lost":
        this.#status = "ConnectionLost";
        this.tell(CALLBACKS.onConnectionLost);
        break;
      case "broken":
        this.#status = "Ended";
        this.#connecting = undefined;
        this.tell(CALLBACKS.onConnectionBroken);
        break;
      case "deepHeartbeat":
        this.#status = event.success ? "DeepHeartbeatSuccess" : "DeepHeartbeatFailure";
        this.tell(event.success ? CALLBACKS.onDeepHeartbeatSuccess : CALLBACKS.onDeepHeartbeatFailure);
        break;
      case "transcript":
        this.#tellTranscript(this.#transcript?.update(event.steps, event.previousNextToken), chatDetails);
        break;
      case "appended":
        this.#tellTranscript(this.#transcript?.append(event), chatDetails);
        break;
      case "reset":
        // Another core goes on, with an empty list.
        if (this.#transcript) this.#transcript = new Transcript(this.sessionType);
        break;
      case "ended":
        this.#status = "Ended";
        later({ run: () => this.#end({ data: null, chatDetails }) });
        break;
    }
  }

  /** The last the application hears (S160). */
  #end(payload: unknown): void {
    this.pubsub.trigger(CALLBACKS.onEnded, payload);
    this.pubsub.unsubscribeAll();
    this.#ended = true;
    this.#transcript = undefined;
    const { host: of, session } = this;
    ended.push(() => of.forget(session));
    if (ended.length > MOST_ENDED) ended.shift()?.();
  }

  connection(details: ConnectionDetails | undefined): void {
    this.#token = details?.connectionToken;
    // The details are those of the first connection (S56).
    if (this.#status === undefined) this.connectionDetails = details;
  }

  log(level: Level, ...message: unknown[]): void {
    log(level, this.pubsub.of, ...message);
  }
}

/** What the application gave with a call. */
export function metadataOf(args: WithMetadata): Required<WithMetadata> {
  // Not taken apart above: what has no arguments throws the words that the original throws.
  return { metadata: args.metadata || null };
}

/** The callbacks of a new session. */
export function handlersOf({ contactId, participantId }: Participant, { sessionType, region }: Settings): Handlers {
  return new Handlers({ contactId, participantId, sessionType, region });
}
