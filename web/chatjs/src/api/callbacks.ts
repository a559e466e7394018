/** Callbacks of the application: who wants what, and when they run. */

/** The original's name of each callback and of its event (S118). Those of items come first, in the order of the core's kinds. */
export const CALLBACKS = {
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
  onParticipantDisplayNameUpdated: "PARTICIPANT_DISPLAY_NAME_UPDATED",
  onChatRehydrated: "CHAT_REHYDRATED",
  onConnectionEstablished: "CONNECTION_ESTABLISHED",
  onConnectionLost: "CONNECTION_LOST",
  onConnectionBroken: "CONNECTION_BROKEN",
  onDeepHeartbeatSuccess: "DEEP_HEARTBEAT_SUCCESS",
  onDeepHeartbeatFailure: "DEEP_HEARTBEAT_FAILURE",
  onTranscriptUpdated: "TRANSCRIPT_UPDATED",
  onEnded: "CHAT_ENDED",
} as const;

/** The methods that subscribe. */
export type Callbacks = { [name in keyof typeof CALLBACKS]: (callback: Handler) => () => void };

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
  readonly #report: (error: unknown, name: string) => void;

  /** `report` hears of callbacks that throw. */
  constructor(report: (error: unknown, name: string) => void) {
    this.#report = report;
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
        this.#report(error, name);
      }
    }
  }

  /** Takes all callbacks away. */
  unsubscribeAll(): void {
    this.#lists.clear();
  }
}

/** Something to do in a task of its own. */
export interface Task {
  run(): void;
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

/**
 * Runs each task in a later macrotask of its own, in order (S115). `setTimeout` would do and costs
 * more than all the rest of an event; a promise would not do: what an application still does in the
 * current task would come after.
 */
export const later: (task: Task) => void = scheduler();

function scheduler(): (task: Task) => void {
  const { setImmediate } = globalThis as { setImmediate?: (run: (task: Task) => void, task: Task) => void };
  if (typeof setImmediate === "function") return (task) => setImmediate(run, task);
  if (typeof MessageChannel !== "function") return (task) => setTimeout(run, 0, task);
  const waiting: Task[] = [];
  let next = 0;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const task = waiting[next++];
    if (next === waiting.length) {
      waiting.length = next = 0;
    } else if (next === 1024) {
      waiting.splice(0, next);
      next = 0;
    }
    task?.run();
  };
  return (task) => {
    waiting.push(task);
    port2.postMessage(null);
  };
}

function run(task: Task): void {
  task.run();
}
