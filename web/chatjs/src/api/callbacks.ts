/** Callbacks of the application: who wants what. */
import { later, type Task } from "../host/tasks";
import { log, LogLevel, type LogMetadata } from "./log";

/** The methods that subscribe to items, in the order of the core's kinds of them, and then the others. */
const METHODS = [
  "onMessage",
  "onTyping",
  "onReadReceipt",
  "onDeliveredReceipt",
  "onParticipantIdle",
  "onParticipantReturned",
  "onAutoDisconnection",
  "onParticipantInvited",
  "onAuthenticationInitiated",
  "onAuthenticationSuccessful",
  "onAuthenticationFailed",
  "onAuthenticationTimeout",
  "onAuthenticationExpired",
  "onAuthenticationCanceled",
  "onParticipantDisplayNameUpdated",
  "onChatRehydrated",
  "onConnectionEstablished",
  "onConnectionLost",
  "onConnectionBroken",
  "onDeepHeartbeatSuccess",
  "onDeepHeartbeatFailure",
  "onTranscriptUpdated",
  "onEnded",
] as const;

/** Of the kinds of items so many come first whose events are incoming ones. */
const INCOMING = 4;

/** The event of each method, in the names of the original (S118): mostly the method's in other letters. */
export const CALLBACKS = Object.fromEntries(
  METHODS.map((method, kind) => [method, (kind < INCOMING ? "INCOMING_" : "") + eventOf(method)]),
) as Record<(typeof METHODS)[number], string>;

/** The event of a method that is called after it: `CAUGHT_UP` of `onCaughtUp`. */
export function eventOf(method: string): string {
  const name = method === "onEnded" ? "ChatEnded" : method.slice(2).replace("AutoD", "Autod");
  return name.replace(/\B[A-Z]/g, "_$&").toUpperCase();
}

/** Methods that subscribe. */
export type Subscribe<Names extends string> = Record<Names, (callback: Handler) => () => void>;

/** The event of each kind of item, by the core's number of it. */
export const EVENTS = Object.values(CALLBACKS);

/** A callback of the original: what happened, its name, and who says so (S116). */
export type Handler = (payload: unknown, name: string, from: Handlers) => void;

/** An error of the original's for arguments that are no callbacks (S113). */
class ValueError extends Error {
  override name = "ValueError";
}

/** Stands for every event. */
const ALL = "<<all>>";

/** The callbacks of one session. */
export class Handlers {
  /** Each list is replaced, never changed: one that is being gone through stays as it was. */
  readonly #lists = new Map<string, readonly { readonly handler: Handler }[]>();

  /** `of` stands beside what is logged of callbacks that throw. */
  constructor(readonly of: LogMetadata) {}

  /** Whether somebody has asked for this, now or before. */
  has(name: string): boolean {
    return this.#lists.has(name);
  }

  /** Adds a callback; the result takes it away again (D10). */
  subscribe(name: string, handler: Handler): () => void {
    if (handler === null || handler === undefined) throw new ValueError("f must be provided");
    if (typeof handler !== "function") throw new ValueError("f must be a function");
    const entry = { handler };
    this.#lists.set(name, [...(this.#lists.get(name) ?? []), entry]);
    return () => {
      const list = this.#lists.get(name);
      if (list) {
        this.#lists.set(
          name,
          list.filter((other) => other !== entry),
        );
      }
    };
  }

  /** Adds a callback for every event, which goes before those of one. */
  subscribeAll(handler: Handler): () => void {
    return this.subscribe(ALL, handler);
  }

  /** Calls everybody who wants this, in the order in which they asked (S114). */
  trigger(name: string, payload: unknown): void {
    this.#call(ALL, name, payload);
    this.#call(name, name, payload);
  }

  /** The same in a task of its own. */
  triggerAsync(name: string, payload: unknown): void {
    later(new Delivery(this, name, payload));
  }

  #call(of: string, name: string, payload: unknown): void {
    const list = this.#lists.get(of);
    if (!list) return;
    for (const { handler } of list) {
      try {
        handler(payload, name, this);
      } catch (error) {
        log(LogLevel.ERROR, this.of, `a callback of ${name} failed:`, error);
      }
    }
  }

  /** Takes all callbacks away. */
  unsubscribeAll(): void {
    this.#lists.clear();
  }
}

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
