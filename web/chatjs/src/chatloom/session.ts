/** A chat session that behaves as Chatloom does: what it offers beside the API of the original. */
import type { Handler } from "../api/callbacks";
import type { Result } from "../api/results";
import { CustomerChatSession } from "../api/session";
import { CHATLOOM_CALLBACKS, type ChatloomController } from "./controller";
import type { Connection, Loaded, Person } from "./results";

type ChatloomCallbacks = { [name in keyof typeof CHATLOOM_CALLBACKS]: (callback: Handler) => () => void };

export interface ChatloomSession extends ChatloomCallbacks {}

export class ChatloomSession extends CustomerChatSession {
  declare readonly controller: ChatloomController;

  constructor(controller: ChatloomController) {
    super(controller);
  }

  /** What the connection is doing now; `onConnectionState` tells of each change. */
  getConnectionState(): Connection {
    return this.controller.connectionState;
  }

  /** Who is or was there, in the order in which they came; `onRosterUpdated` tells of each change. */
  getRoster(): readonly Person[] {
    return this.controller.roster;
  }

  /**
   * Tells the others that everything up to this item was read, or has arrived. To be called with every
   * item: receipts are gathered, and what a later one covers is not sent.
   */
  sendMessageReceipt(receipt: { type: "read" | "delivered"; messageId: string }): Promise<void> {
    return this.controller.sendMessageReceipt(receipt.type, receipt.messageId);
  }

  /** Sends a message that failed once more, behind those that wait. It is not stored twice. */
  resendMessage(key: number): Promise<Result> {
    return this.controller.resendMessage(key);
  }

  /** Drops a message that failed. */
  discardMessage(key: number): Promise<void> {
    return this.controller.discardMessage(key);
  }

  /** Tries again to read what a gap has swallowed. */
  fillGap(gap: number): Promise<Loaded> {
    return this.controller.load({ type: "fillGap", gap });
  }

  /** Brings at most so many older entries, 1 to 1,000, into the transcript of `onTranscriptUpdated`. */
  loadOlder(count: number): Promise<Loaded> {
    return this.controller.load({ type: "loadOlder", count });
  }

  /** Takes every callback of the session away, as that of an agent can (S82). */
  cleanUpOnParticipantDisconnect(): void {
    this.controller.cleanUpOnParticipantDisconnect();
  }

  /** Closes the session in this page. The chat goes on: nobody is told. With `forget` it is kept no longer. */
  close({ forget = false }: { forget?: boolean } = {}): void {
    this.controller.close(forget);
  }
}

for (const [method, name] of Object.entries(CHATLOOM_CALLBACKS)) {
  Object.defineProperty(ChatloomSession.prototype, method, {
    value(this: ChatloomSession, callback: Handler) {
      return this.controller.subscribe(name, callback);
    },
    configurable: true,
    writable: true,
  });
}
