/** What is behind a session that behaves as Chatloom does. */

import type { Settings } from "../api/config";
import type { Connection, Loaded, MessageState, Person } from "../../types/index";
import { LogLevel } from "../api/log";
import type { ConnectResult, Result } from "../api/results";
import {
  IllegalArgument,
  type SendAttachmentArgs,
  type SendEventArgs,
  type SendMessageArgs,
  SessionTypes,
  type WithMetadata,
} from "../api/rules";
import type { Call, DoneError, EventOutput, Item, SessionOptions } from "../host/core";
import type { Values } from "../host/border";
import type { Also, Answer, Listener } from "../host/session";
import type { CoreSource } from "../host/wasm";
import type { Base } from "./addition";
import { type Keeper, keeper, type Storage } from "./keep";
import { SharedLine } from "./line";
import type { ChatloomOptions } from "./options";
import { Given } from "./given";
import { watched } from "./upload";
import { connectionOf, personOf } from "./results";

/** Of so many messages the application hears again what it sent; of more the oldest are forgotten. */
const MOST_MESSAGES = 1_000;

/** What a session is made with. */
export interface ChatloomSettings extends Settings {
  chatloom: ChatloomOptions;
  /** What it goes on from, and where that was kept. */
  snapshot?: string;
  key?: string | undefined;
  /** Whether its application is given everything again. */
  replay?: boolean;
}

/** What else a call may come with. */
interface CallAlso extends Also {
  /** Calls it off. */
  signal?: AbortSignal | undefined;
}

/** What the application said when it sent a message. */
type Sent = Pick<MessageState, "message" | "contentType" | "metadata">;

/** The controller of such sessions, on the one that the package has. */
export function controllerOn({ callFailed, Controller, failure, Host, later }: Base, core: CoreSource) {
  class ChatloomController extends Controller {
    declare protected readonly settings: ChatloomSettings;
    connectionState: Connection = { state: "new" };
    roster: readonly Person[] = [];
    /** What is being sent, by the number of the call; what was sent, by its key. */
    readonly #calls = new Map<number, Sent>();
    readonly #messages = new Map<number, Sent>();
    /** Who hears of a file on its way, by the number of the call. */
    readonly #uploads = new Map<number, NonNullable<SendAttachmentArgs["onProgress"]>>();
    /** What the application has been given. */
    readonly #given = new Given();
    #keeper: Keeper | undefined;
    #line: SharedLine | undefined;
    /** A shared socket is being waited for, and with it every call. */
    #opening: Promise<void> | undefined;

    /** Goes on where this session, or that of an earlier page, left the chat. */
    override begin(): this {
      if (this.#sharesSocket) this.settings.means = { ...this.settings.means, manager: this.#shared };
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

    /** The socket that it shares with other pages. */
    get #shared(): SharedLine {
      const { initialContactId, participantId } = this;
      const { client } = this.settings.means ?? {};
      const makeHost = () => new Host(core, core.load());
      const relay = { makeHost, session: super.options(), means: { client } };
      const log: Listener["log"] = (level, text) => this.log(level, text);
      return (this.#line ??= new SharedLine(`chatloom-line/${initialContactId}/${participantId}`, relay, log));
    }

    /** With a shared socket, the socket comes first: from then on nothing is missed. */
    override connect(args?: WithMetadata): Promise<ConnectResult> {
      if (!this.#sharesSocket) return super.connect(args);
      this.#opening = this.#shared.ready();
      const connected = super.connect(args);
      connected.catch(() => this.#line?.closeWebSocket());
      return connected;
    }

    get snapshot(): string | undefined {
      return this.settings.snapshot;
    }

    protected override async call(what: Call, also: CallAlso = {}): Promise<Answer> {
      if (this.#opening) await this.#opening;
      const { signal } = also;
      if (!signal) return super.call(what, also);
      let cancel = () => {};
      const started = (call: number) => {
        cancel = () => this.host.cancel(call);
        also.started?.(call);
      };
      const called = super.call(what, { ...also, started });
      if (signal.aborted) cancel();
      signal.addEventListener("abort", cancel);
      return called.finally(() => signal.removeEventListener("abort", cancel));
    }

    /** The core knows what it takes: a message as soon as `connect` has been called. */
    protected override async whenActive<T>(_method: string, call: () => Promise<T>): Promise<T> {
      return call();
    }

    protected override send(
      type: "sendMessage" | "sendEvent",
      args: SendMessageArgs | SendEventArgs,
      content: string | undefined,
      metadata: WithMetadata,
      _also?: Also,
      parsed?: Values,
    ): Promise<Result> {
      const { signal } = args as SendMessageArgs;
      const also: CallAlso = { signal };
      if (type === "sendEvent") return super.send(type, args, content, metadata, also, parsed);
      let number = 0;
      also.started = (call) => {
        number = call;
        this.#calls.set(call, { message: content, contentType: args.contentType, ...metadata });
      };
      const sent = super.send(type, args, content, metadata, also);
      return sent.finally(() => this.#calls.delete(number));
    }

    override async sendAttachment(args: SendAttachmentArgs): Promise<Result> {
      const { signal, onProgress } = args;
      let number = 0;
      const started = (call: number) => {
        number = call;
        if (onProgress) this.#uploads.set(call, onProgress);
      };
      const upload = onProgress && typeof XMLHttpRequest === "function" ? watched : undefined;
      const also: CallAlso = { signal, started, upload };
      return super.sendAttachment(args, also).finally(() => this.#uploads.delete(number));
    }

    /** Sends a message that failed once more, behind those that wait. It is not stored twice. */
    resendMessage(key: number): Promise<Result> {
      return this.result("resendMessage", { type: "resend", key }, {});
    }

    /** Drops a message that failed. */
    async discardMessage(key: number): Promise<void> {
      await this.#ask("discardMessage", { type: "discard", key });
    }

    /**
     * Tells the others that everything up to this item was read, or has arrived. To be called with every
     * item: receipts are gathered, and what a later one covers is not sent.
     */
    async sendMessageReceipt({ type, messageId }: { type: "read" | "delivered"; messageId: string }): Promise<void> {
      if (type !== "read" && type !== "delivered") throw new IllegalArgument("type must be read or delivered", type);
      await this.#ask("sendMessageReceipt", { type: type === "read" ? "markRead" : "markDelivered", id: messageId });
    }

    /** Tries again to read what a gap has swallowed. */
    fillGap(gap: number): Promise<Loaded> {
      return this.#load({ type: "fillGap", gap });
    }

    /** Brings at most so many older entries, 1 to 1,000, into the transcript of `onTranscriptUpdated`. */
    loadOlder(count: number): Promise<Loaded> {
      return this.#load({ type: "loadOlder", count });
    }

    async #load(what: Call): Promise<Loaded> {
      const { count = 0, atBeginning = false } = await this.#ask(what.type, what);
      return { count, atBeginning };
    }

    /** Closes the session in this page. The chat goes on: nobody is told. With `forget` it is kept no longer. */
    close({ forget = false }: { forget?: boolean } = {}): void {
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

    /** Where the chat is kept, if it is. */
    get #kept(): Keeper | undefined {
      const storage = this.#storage;
      if (!storage) return undefined;
      const log = (text: string) => this.log(LogLevel.WARN, text);
      return (this.#keeper ??= keeper(storage, this, this.settings.key, log));
    }

    #persist(snapshot: string | undefined): void {
      if (snapshot === undefined) {
        delete this.settings.snapshot;
        // The chat is over: nothing comes that would be kept.
        this.#kept?.forget();
        this.#kept?.leave();
      } else {
        const { initialContactId, contactId, participantId, participantToken } = this;
        const { region, endpoint } = this.settings;
        this.settings.snapshot = snapshot;
        const participant = { initialContactId, contactId, participantId, participantToken };
        this.#kept?.keep({ participant, region, endpoint, snapshot });
      }
    }

    async #ask(method: string, what: Call): Promise<Answer> {
      try {
        return await this.call(what);
      } catch (error) {
        throw callFailed(method, error as DoneError, {});
      }
    }

    override item(kind: number, item: Item): void {
      if (this.#given.isNew(kind, item)) super.item(kind, item);
    }

    override event(event: EventOutput): void {
      switch (event.type) {
        case "reset":
          if (this.snapshot === undefined) this.#given.again();
          super.event(event);
          break;
        case "connection":
          this.connectionState = connectionOf(event);
          this.tell("CONNECTION_STATE", this.connectionState);
          break;
        case "message":
          this.#message(event);
          break;
        case "roster":
          this.roster = event.people.map(personOf);
          this.tell("ROSTER_UPDATED", this.roster);
          break;
        case "gap":
          this.tell("GAP", { gap: event.gap });
          break;
        case "gapClosed":
          this.tell("GAP_CLOSED", { gap: event.gap });
          break;
        case "caughtUp":
          this.tell("CAUGHT_UP", {});
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
      const itemId = id !== undefined && { id };
      const why = state === "failed" && { error: failure(error) };
      this.tell("MESSAGE_STATE", { key, state, ...sent, ...itemId, ...why });
    }
  }

  return ChatloomController;
}

export type ChatloomController = InstanceType<ReturnType<typeof controllerOn>>;
