// What only Chatloom behaviour has: `setGlobalConfig({ chatloom: ... })`, or for one session
// `create({ options: { chatloom: ... } })`.

import type { Failure, ParticipantClient, Result, SessionEvent, Unsubscribe } from "./index.js";

/** How a session behaves, beyond what the original does. */
export interface ChatloomOptions {
  /** Where the service is, for this session alone. */
  endpoint?: string;
  /**
   * Where the chat is kept, so that it can go on when the page is loaded again: in `sessionStorage`, which ends
   * with the tab; in IndexedDB; or where the application keeps it. Nowhere unless said. What is kept holds the
   * participant's token and the messages that have not been sent.
   */
  storage?: "session" | "indexeddb" | ChatStore;
  /**
   * Pages of this origin that are in the same chat share one socket; when the one that keeps it goes, another
   * takes over. Needs Web Locks and BroadcastChannel, so a page that was loaded securely; without, each page has
   * a socket of its own, as it has unless this is said.
   */
  tabs?: boolean;
  /** One typing event goes out in this time, in milliseconds; 10,000 unless said. */
  typingThrottleMs?: number;
  /** Receipts are gathered for this long, in milliseconds; 5,000 unless said. */
  receiptThrottleMs?: number;
  /** How many entries a transcript that is shown holds, at least 100; 10,000 unless said. */
  mostEntries?: number;
}

/** Texts by name: where chats are kept. Failures are logged, and the chat goes on. */
export interface ChatStore {
  get(key: string): string | null | undefined | PromiseLike<string | null | undefined>;
  set(key: string, value: string): void | PromiseLike<void>;
  delete(key: string): void | PromiseLike<void>;
  /** All names; of what is not a chat's too, if there is more in it. */
  keys(): Iterable<string> | PromiseLike<Iterable<string>>;
}

/** Which chat goes on. */
export interface ResumeArgs {
  /** The contact, or the initial contact; without one the chat that was kept last. */
  contactId?: string;
  /**
   * Gives `onMessage` everything from the beginning of the chat, for a page that shows nothing of it yet; and not
   * only what was missed.
   */
  replay?: boolean;
  options?: {
    chatloom?: ChatloomOptions;
    /** Makes the requests in place of `fetch`, as for `create`: it is not kept. */
    participantClient?: ParticipantClient;
  };
}

/** What a connection is doing. */
export interface Connection {
  readonly state: "new" | "connecting" | "online" | "waiting" | "offline" | "broken" | "ended";
  /** When the next attempt is made, in milliseconds since 1970, if one is waited for. */
  readonly retryAt?: number;
  /** Why the last attempt failed, for people. */
  readonly reason?: string;
}

/** What became of a message of this session's. */
export type MessageState = OpenMessage | FailedMessage;

interface AnyMessage {
  /** Names it in this chat from the beginning, also after a reload. */
  readonly key: number;
  /** The id of its item, once the service has given it one. */
  readonly id?: string;
  /** What was sent. */
  readonly message?: string | undefined;
  readonly contentType?: string;
  /** What the application gave `sendMessage`. */
  readonly metadata?: unknown;
}

/** A message that is on its way or has come somewhere. */
export interface OpenMessage extends AnyMessage {
  readonly state: "queued" | "sending" | "sent" | "delivered" | "read";
}

/** A message that failed; `resendMessage` and `discardMessage` take its key. */
export interface FailedMessage extends AnyMessage {
  readonly state: "failed";
  readonly error: Failure;
}

/** Somebody who is or was in the chat. */
export interface Person {
  readonly participantId: string;
  readonly role: string | undefined;
  readonly displayName: string | undefined;
  readonly presence: "here" | "idle" | "gone";
  readonly typing: boolean;
  /** The newest items that have reached them, and that they have read, as far as they said. */
  readonly deliveredItemId: string | undefined;
  readonly readItemId: string | undefined;
}

/** What reading more of a transcript has brought. */
export interface Loaded {
  readonly count: number;
  /** Whether the chat has no older entries. */
  readonly atBeginning: boolean;
}

/** Subscribes. */
interface SubscribeTo<Data> {
  (handler: (event: SessionEvent & { readonly data: Data }) => void): Unsubscribe;
}

/** What a session in Chatloom behaviour has besides. */
export interface ChatloomSession {
  onConnectionState: SubscribeTo<Connection>;
  onMessageState: SubscribeTo<MessageState>;
  onRosterUpdated: SubscribeTo<readonly Person[]>;
  /** Items are missing in front of the next one, and cannot be had now. */
  onGap: SubscribeTo<{ readonly gap: number }>;
  onGapClosed: SubscribeTo<{ readonly gap: number }>;
  /** All that was missed has been given. */
  onCaughtUp: SubscribeTo<object>;
  getConnectionState(): Connection;
  /** Everybody, in the order in which they came. */
  getRoster(): readonly Person[];
  /** Says that everything up to this item was read, or has arrived. To be called with every item. */
  sendMessageReceipt(receipt: { type: "read" | "delivered"; messageId: string }): Promise<void>;
  /** Sends a message that failed once more, behind those that wait. It is not stored twice. */
  resendMessage(key: number): Promise<Result<object>>;
  /** Drops a message that failed. */
  discardMessage(key: number): Promise<void>;
  /** Tries again to read what a gap has swallowed. */
  fillGap(gap: number): Promise<Loaded>;
  /** Brings at most so many older entries, 1 to 1,000, into the transcript of `onTranscriptUpdated`. */
  loadOlder(count: number): Promise<Loaded>;
  /** Sends a message; `signal` calls it off while it waits. */
  sendMessage<T>(
    args: connect.SendMessageArgs & { signal?: AbortSignal; metadata?: T },
  ): Promise<Result<{ readonly Id: string; readonly AbsoluteTime: string }, T>>;
  /** Sends a file; `onProgress` hears how many bytes are through, `signal` calls it off. */
  sendAttachment<T>(
    args: connect.SendAttachmentArgs & {
      signal?: AbortSignal;
      onProgress?: (progress: { readonly sent: number; readonly total: number }) => void;
      metadata?: T;
    },
  ): Promise<Result<object, T>>;
  /** Takes every callback of the session away. */
  cleanUpOnParticipantDisconnect(): void;
  /** Closes the session in this page. The chat goes on: nobody is told. With `forget` it is kept no longer. */
  close(options?: { forget?: boolean }): void;
}
