/**
 * Socket managers of the application's, which keep their sockets alive themselves and serve many sessions (S16,
 * S184), such as the one that Streams gives (docs/protocol/streams.md §1).
 */
import type { Input } from "./core";

/** Takes a callback away; some managers give none. */
type Unsubscribe = (() => void) | undefined;

/** What a manager must have (S196). */
export interface SocketManager {
  subscribeTopics(topics: string[]): unknown;
  onMessage(topic: string, callback: (frame: { content?: unknown }) => void): Unsubscribe;
  onConnectionGain(callback: () => void): Unsubscribe;
  onConnectionLost(callback: () => void): Unsubscribe;
  onInitFailure(callback: () => void): Unsubscribe;
  onDeepHeartbeatSuccess?(callback: () => void): Unsubscribe;
  onDeepHeartbeatFailure?(callback: () => void): Unsubscribe;
  closeWebSocket?(): unknown;
}

/** What somebody hears of managers. */
export interface ManagerListener {
  /** Something happened to a connection. */
  tell(input: Input): void;
  /** The text of an item arrived over the manager of this number. */
  content(manager: number, text: string): void;
  /** A manager threw something. */
  threw(error: unknown): void;
}

interface Joined {
  readonly manager: SocketManager;
  readonly unsubscribes: Unsubscribe[];
}

const TOPIC = "aws/chat";

export class Managers {
  readonly #listener: ManagerListener;
  /** Numbers stay: they are those of the managers in every core of the page. */
  readonly #numbers = new WeakMap<SocketManager, number>();
  readonly #known = new Map<number, SocketManager>();
  readonly #joined = new Map<number, Joined>();
  #last = 0;

  constructor(listener: ManagerListener) {
    this.#listener = listener;
  }

  /** The number of a manager. The same object has the same number. */
  number(manager: SocketManager): number {
    let number = this.#numbers.get(manager);
    if (number === undefined) this.#numbers.set(manager, (number = ++this.#last));
    this.#known.set(number, manager);
    return number;
  }

  /** No session has it any more; one that is listened to stays so. */
  forget(foreign: number): void {
    this.#known.delete(foreign);
  }

  /** Subscribes to chats, unless that has been done. A manager that cannot be used counts as broken. */
  join(foreign: number): void {
    const manager = this.#known.get(foreign);
    if (!manager || this.#joined.has(foreign)) return;
    const unsubscribes: Unsubscribe[] = [];
    this.#joined.set(foreign, { manager, unsubscribes });
    const { tell } = this.#listener;
    const heartbeat = (on: boolean) => () => tell({ type: "foreignHeartbeat", foreign, on });
    try {
      manager.subscribeTopics([TOPIC]);
      const message = ({ content }: { content?: unknown }) => {
        // An item is text; what is none the original drops as well (S204).
        if (typeof content === "string") this.#listener.content(foreign, content);
      };
      // One by one: when one of them throws, those before it can be taken away.
      unsubscribes.push(manager.onMessage(TOPIC, message));
      unsubscribes.push(manager.onConnectionGain(() => tell({ type: "foreignGained", foreign })));
      unsubscribes.push(manager.onConnectionLost(() => tell({ type: "foreignLost", foreign })));
      unsubscribes.push(manager.onInitFailure(() => tell({ type: "foreignBroken", foreign })));
      unsubscribes.push(manager.onDeepHeartbeatSuccess?.(heartbeat(true)));
      unsubscribes.push(manager.onDeepHeartbeatFailure?.(heartbeat(false)));
    } catch (error) {
      this.#listener.threw(error);
      this.leave(foreign);
      tell({ type: "foreignBroken", foreign });
    }
  }

  /** Listens to a manager no longer. As the original, closes its socket where it can, which Streams' cannot (S184). */
  leave(foreign: number): void {
    const joined = this.#joined.get(foreign);
    if (!joined) return;
    this.#joined.delete(foreign);
    const { manager, unsubscribes } = joined;
    for (const step of [() => manager.closeWebSocket?.(), ...unsubscribes]) {
      try {
        step?.();
      } catch (error) {
        this.#listener.threw(error);
      }
    }
  }
}
