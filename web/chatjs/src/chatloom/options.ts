/** What an application may say about Chatloom behaviour. */

/** The member `chatloom` of the configuration, and of the options of a session. */
export interface ChatloomOptions {
  /** Where the service is, for this session alone; without a slash at its end. */
  endpoint?: string;
  /**
   * Where the chat is kept, so that it can go on when the page is loaded again: in `sessionStorage`, which
   * ends with the tab; in IndexedDB; or where the application keeps it. Nowhere unless said. What is kept
   * holds the participant's token, and the messages that have not been sent.
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
  get(key: string): Awaitable<string | null | undefined>;
  set(key: string, value: string): Awaitable<void>;
  delete(key: string): Awaitable<void>;
  /** All names; of what is not a chat's too, if there is more in it. */
  keys(): Awaitable<Iterable<string>>;
}

type Awaitable<T> = T | PromiseLike<T>;

let everywhere: ChatloomOptions | undefined;

/** What holds for all sessions from now on; a member that is left out keeps its value. */
export function setChatloom(value: ChatloomOptions | boolean | undefined): void {
  if (value === undefined) return;
  everywhere = value === false ? undefined : { ...everywhere, ...(value === true ? {} : value) };
}

/** What holds for a session that says this for itself; nothing when it behaves as the original. */
export function chatloomOptions(own: ChatloomOptions | boolean | undefined): ChatloomOptions | undefined {
  if (own === false) return undefined;
  if (own === undefined) return everywhere;
  return { ...everywhere, ...(own === true ? {} : own) };
}
