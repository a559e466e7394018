/** What is behind a session that behaves as Chatloom does. */

import type { Settings } from "../api/config";
import { Controller } from "../api/controller";
import { LogLevel } from "../api/log";
import { callFailed, type ConnectResult, failure, type Result } from "../api/results";
import {
  IllegalArgument,
  type SendAttachmentArgs,
  type SendEventArgs,
  type SendMessageArgs,
  SessionTypes,
  type WithMetadata,
} from "../api/rules";
import { later } from "../host/tasks";
import type { Call, DoneError, EventOutput, SessionOptions } from "../host/core";
import type { SocketManager } from "../host/managers";
import type { Also, Answer, Listener } from "../host/session";
import { addition, fullCore, type Keeper, type Line, loadedAddition, ownHost, type Storage } from "./addition";
import type { ChatloomOptions } from "./options";
import { type Connection, connectionOf, type Loaded, type MessageStatus, type Person, personOf } from "./results";

/** The callbacks that the original does not have, and the names of their events. */
export const CHATLOOM_CALLBACKS = {
  onConnectionState: "CONNECTION_STATE",
  onMessageState: "MESSAGE_STATE",
  onRosterUpdated: "ROSTER_UPDATED",
  onGap: "GAP",
  onGapClosed: "GAP_CLOSED",
  onCaughtUp: "CAUGHT_UP",
} as const;

/** Of so many messages the application hears again what it sent; of more the oldest are forgotten. */
const MOST_MESSAGES = 1_000;

/** What a session is made with. */
export interface ChatloomSettings extends Settings {
  chatloom: ChatloomOptions;
  /** Where the session was kept that it goes on from. */
  key?: string | undefined;
  /** Whether its application is given everything again. */
  replay?: boolean;
}

/** The settings of a session that behaves as Chatloom does. */
export function withChatloom(settings: Settings, chatloom: ChatloomOptions): ChatloomSettings {
  const endpoint = chatloom.endpoint?.replace(/\/+$/, "") || settings.endpoint;
  return { ...settings, endpoint, core: fullCore, chatloom };
}

/** A socket manager that is there when it is used. */
function lateManager(manager: () => Line): SocketManager {
  return {
    subscribeTopics: (topics) => manager().subscribeTopics(topics),
    onMessage: (topic, callback) => manager().onMessage(topic, callback),
    onConnectionGain: (callback) => manager().onConnectionGain(callback),
    onConnectionLost: (callback) => manager().onConnectionLost(callback),
    onInitFailure: (callback) => manager().onInitFailure(callback),
    closeWebSocket: () => manager().closeWebSocket(),
  };
}

/** What the application said when it sent a message. */
type Sent = Pick<MessageStatus, "message" | "contentType" | "metadata">;

export class ChatloomController extends Controller {
  declare protected readonly settings: ChatloomSettings;
  connectionState: Connection = { state: "new" };
  roster: readonly Person[] = [];
  /** What is being sent, by the number of the call; what was sent, by its key. */
  readonly #calls = new Map<number, Sent>();
  readonly #messages = new Map<number, Sent>();
  /** Who hears of a file on its way, by the number of the call. */
  readonly #uploads = new Map<number, NonNullable<SendAttachmentArgs["onProgress"]>>();
  #keeper: Keeper | undefined;
  #line: Line | undefined;
  /** A shared socket is being waited for, and with it every call. */
  #opening: Promise<void> | undefined;

  /** Goes on where this session, or that of an earlier page, left the chat. */
  override begin(): this {
    if (this.#sharesSocket) this.settings.means = { ...this.settings.means, manager: lateManager(() => this.#shared) };
    super.begin();
    // Should it have to begin once more, the application has it.
    delete this.settings.replay;
    return this;
  }

  protected override options(): SessionOptions {
    const { chatloom, replay = false } = this.settings;
    const { typingThrottleMs, mostEntries } = chatloom;
    const persist = this.#storage !== undefined;
    const usual = super.options();
    const receiptThrottleMs = chatloom.receiptThrottleMs ?? usual.receiptThrottleMs;
    return { ...usual, chatloom: true, persist, replay, typingThrottleMs, receiptThrottleMs, mostEntries };
  }

  get #sharesSocket(): boolean {
    const { locks } = globalThis.navigator ?? {};
    const canShare = locks !== undefined && typeof BroadcastChannel === "function";
    return this.settings.chatloom.tabs === true && canShare && this.sessionType === SessionTypes.CUSTOMER;
  }

  /** The socket that it shares with other pages. To be asked for only when the rest has been loaded. */
  get #shared(): Line {
    const { initialContactId, participantId } = this.participant;
    const { client } = this.settings.means ?? {};
    const relay = { makeHost: ownHost, session: super.options(), means: { client } };
    const log: Listener["log"] = (level, text) => this.log(level, text);
    return (this.#line ??= loadedAddition().line(`chatloom-line/${initialContactId}/${participantId}`, relay, log));
  }

  /** With a shared socket, the socket comes first: from then on nothing is missed. */
  override connect(args?: WithMetadata): Promise<ConnectResult> {
    if (!this.#sharesSocket) return super.connect(args);
    const ready = () => this.#shared.ready();
    // That the file cannot be loaded is for the core to say.
    this.#opening = addition().then(ready, () => undefined);
    const connected = super.connect(args);
    connected.catch(() => this.#line?.closeWebSocket());
    return connected;
  }

  protected override call(what: Call, also?: Also): Promise<Answer> {
    return this.#opening?.then(() => super.call(what, also)) ?? super.call(what, also);
  }

  /** The core knows what it takes: a message as soon as `connect` has been called. */
  protected override async whenActive<T>(_method: string, call: () => Promise<T>): Promise<T> {
    return call();
  }

  protected override send(
    type: "sendMessage" | "sendEvent",
    args: SendMessageArgs | SendEventArgs,
    content: string | undefined,
    metadata: unknown,
  ): Promise<Result> {
    const { signal } = args as SendMessageArgs;
    if (type === "sendEvent") return super.send(type, args, content, metadata, { signal });
    let number = 0;
    const started = (call: number) => {
      number = call;
      this.#calls.set(call, { message: content, contentType: args.contentType, metadata });
    };
    const sent = super.send(type, args, content, metadata, { signal, started });
    return sent.finally(() => this.#calls.delete(number));
  }

  override sendAttachment(args: SendAttachmentArgs): Promise<Result> {
    return this.whenActive("sendAttachment", () => {
      const { attachment, signal, onProgress } = args;
      const { name, size, type } = attachment;
      const what: Call = { type: "sendAttachment", name, size, contentType: type };
      let number = 0;
      const started = (call: number) => {
        number = call;
        if (onProgress) this.#uploads.set(call, onProgress);
      };
      const also = { file: attachment, signal, started, progress: onProgress !== undefined };
      const sent = this.result("sendAttachment", what, { metadata: args.metadata || null }, also);
      return sent.finally(() => this.#uploads.delete(number));
    });
  }

  resendMessage(key: number): Promise<Result> {
    return this.result("resendMessage", { type: "resend", key }, {});
  }

  async discardMessage(key: number): Promise<void> {
    await this.#ask("discardMessage", { type: "discard", key });
  }

  async sendMessageReceipt(type: "read" | "delivered", messageId: string): Promise<void> {
    if (type !== "read" && type !== "delivered") throw new IllegalArgument("type must be read or delivered", type);
    await this.#ask("sendMessageReceipt", { type: type === "read" ? "markRead" : "markDelivered", id: messageId });
  }

  async load(what: { type: "loadOlder"; count: number } | { type: "fillGap"; gap: number }): Promise<Loaded> {
    const { count = 0, atBeginning = false } = await this.#ask(what.type, what);
    return { count, atBeginning };
  }

  /** Ends the session in this page without a word to the service; forgets what was kept of it, if asked to. */
  close(forget: boolean): void {
    this.pubsub.unsubscribeAll();
    this.host.forget(this.session);
    this.#line?.closeWebSocket();
    if (this.settings.snapshot === undefined) return;
    if (forget) this.#kept?.forget();
    this.#kept?.leave();
  }

  /** Where chats are kept. Those of agents are not: Streams knows what an agent is in. */
  get #storage(): Storage | undefined {
    return this.sessionType === SessionTypes.CUSTOMER ? this.settings.chatloom.storage : undefined;
  }

  /** Where the chat is kept, if it is. There is a core that asks for it, so the rest is there as well. */
  get #kept(): Keeper | undefined {
    const storage = this.#storage;
    if (!storage) return undefined;
    const log = (text: string) => this.log(LogLevel.WARN, text);
    return (this.#keeper ??= loadedAddition().keeper(storage, this.participant, this.settings.key, log));
  }

  #persist(snapshot: string | undefined): void {
    if (snapshot === undefined) {
      delete this.settings.snapshot;
      // The chat is over: nothing comes that would be kept.
      this.#kept?.forget();
      this.#kept?.leave();
    } else {
      const { participant, settings } = this;
      settings.snapshot = snapshot;
      this.#kept?.keep({ participant, region: settings.region, endpoint: settings.endpoint, snapshot });
    }
  }

  async #ask(method: string, what: Call): Promise<Answer> {
    try {
      return await this.call(what);
    } catch (error) {
      throw callFailed(method, error as DoneError, {});
    }
  }

  override event(event: EventOutput): void {
    switch (event.type) {
      case "connection":
        this.connectionState = connectionOf(event);
        this.tell(CHATLOOM_CALLBACKS.onConnectionState, this.connectionState);
        break;
      case "message":
        this.#message(event);
        break;
      case "roster":
        this.roster = event.people.map(personOf);
        this.tell(CHATLOOM_CALLBACKS.onRosterUpdated, this.roster);
        break;
      case "gap":
        this.tell(CHATLOOM_CALLBACKS.onGap, { gap: event.gap });
        break;
      case "gapClosed":
        this.tell(CHATLOOM_CALLBACKS.onGapClosed, { gap: event.gap });
        break;
      case "caughtUp":
        this.tell(CHATLOOM_CALLBACKS.onCaughtUp, {});
        break;
      case "attachmentProgress":
        this.#progress(event);
        break;
      case "persist":
        this.#persist(event.snapshot);
        break;
      default:
        super.event(event);
    }
  }

  #progress({ call, sent, total }: Extract<EventOutput, { type: "attachmentProgress" }>): void {
    const onProgress = this.#uploads.get(call);
    const run = () => {
      try {
        onProgress?.({ sent, total });
      } catch (error) {
        this.log(LogLevel.ERROR, "onProgress failed:", error);
      }
    };
    later({ run });
  }

  #message({ key, call, id, state, ...error }: Extract<EventOutput, { type: "message" }>): void {
    const sent = this.#messages.get(key) ?? this.#calls.get(call ?? 0);
    if (sent && !this.#messages.has(key)) {
      this.#messages.set(key, sent);
      const [oldest] = this.#messages.keys();
      if (this.#messages.size > MOST_MESSAGES) this.#messages.delete(oldest as number);
    }
    const status: MessageStatus = { key, state, ...sent };
    if (id !== undefined) status.id = id;
    if (state === "failed") status.error = failure(error);
    this.tell(CHATLOOM_CALLBACKS.onMessageState, status);
  }
}
