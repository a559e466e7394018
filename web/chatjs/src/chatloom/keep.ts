/** Keeps chats, so that they can go on when the page is loaded again. */
import type { Participant } from "../api/rules";
import type { ChatloomOptions, ChatStore } from "./options";
import { storeOf } from "./stores";

/** Of what is written. */
const VERSION_OF_RECORD = 1;
/** What was kept longer ago is thrown away: no chat lasts so long (docs/protocol/participant-service.md). */
const OLDEST_MS = 7 * 24 * 60 * 60 * 1000;
/** A page that is loaded again may be there before its locks are free: so often is looked, after so long. */
const LOOKS = 4;
const LOOK_AGAIN_MS = 50;
/** Before the names of chats, for there may be other things in a store. */
const PREFIX = "chatloom/";

/** Where chats are kept. */
export type Storage = NonNullable<ChatloomOptions["storage"]>;

/** What is kept of a chat. */
interface KeptSession {
  participant: Participant;
  region: string;
  endpoint: string;
  /** What the core needs to go on. */
  snapshot: string;
}

/** A chat to go on with: where its session was kept, and what the core needs, unless a session is to begin. */
type Kept = Omit<KeptSession, "snapshot"> & ({ key: string; snapshot: string } | { key?: undefined });

/** A chat with when it was written. */
interface Entry extends KeptSession {
  version: typeof VERSION_OF_RECORD;
  savedAt: number;
}

function keyOf({ initialContactId, participantId }: Participant): string {
  return `${PREFIX}${initialContactId}/${participantId}`;
}

/**
 * The locks by which pages tell whose session is whose: several pages may be in the same chat, and each keeps
 * its own. There are none in the storage of a tab, which is of one page alone, nor in browsers without: then a page
 * tells its own sessions from each other.
 */
function locksOf(storage: Storage): LockManager | undefined {
  return storage === "session" ? undefined : globalThis.navigator?.locks;
}

/** The names that this page holds, and how each is given back. */
const held = new Map<string, () => void>();

/** Holds a name until it is given back or the page goes; says whether nobody else holds it. */
async function hold(locks: LockManager | undefined, key: string): Promise<boolean> {
  if (held.has(key)) return false;
  if (!locks) {
    held.set(key, () => undefined);
    return true;
  }
  const until = new Promise<void>((done) => held.set(key, done));
  return new Promise((resolve, reject) => {
    const granted = (lock: Lock | null) => {
      if (!lock) held.delete(key);
      resolve(lock !== null);
      return lock && until;
    };
    locks.request(key, { ifAvailable: true }, granted).catch((error: Error) => {
      held.delete(key);
      reject(error);
    });
  });
}

/** The same, where a page that has no right to locks holds what it likes, as without locks. */
const canHave = (locks: LockManager | undefined, key: string) => hold(locks, key).catch(() => true);

function giveBack(key: string): void {
  held.get(key)?.();
  held.delete(key);
}

/**
 * Keeps one chat. A store may be slow: while it writes only the newest that came is remembered, so it is never
 * more than one writing behind.
 */
export class Keeper {
  readonly #store: ChatStore;
  /** Hears what goes wrong. */
  readonly log: (text: string) => void;
  readonly #key: string;
  /** The beginning of the names of this chat, and the locks by which its pages tell them apart. */
  readonly #chat: string;
  readonly #locks: LockManager | undefined;
  /** Whether it is known who else keeps the same chat: by locks, or because nobody else can. */
  readonly #knowsOthers: boolean;
  /** What is to be done next: something to write, or nothing to be kept. */
  #next: KeptSession | null | undefined;
  #writing = false;
  #left = false;

  constructor(storage: Storage, key: string, chat: string, log: (text: string) => void) {
    this.#store = storeOf(storage);
    this.#key = key;
    this.#chat = chat;
    this.#locks = locksOf(storage);
    this.#knowsOthers = storage === "session" || this.#locks !== undefined;
    this.log = log;
  }

  /** Keeps this in place of what was kept before. */
  keep(chat: KeptSession): void {
    this.#next = chat;
    if (!this.#writing) void this.#write();
  }

  /** Nothing is to be kept any more. */
  forget(): void {
    this.#next = null;
    if (!this.#writing) void this.#write();
  }

  /** Somebody else may go on with the chat. */
  leave(): void {
    this.#left = true;
    if (!this.#writing) giveBack(this.#key);
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#next !== undefined) {
      const next = this.#next;
      this.#next = undefined;
      try {
        if (next) await this.#store.set(this.#key, written(next));
        else await this.#remove();
      } catch (error) {
        this.log(`the chat cannot be kept: ${nameOf(error)}`);
      }
    }
    this.#writing = false;
    if (this.#left) giveBack(this.#key);
  }

  /** With what pages that have gone left of the same chat: nobody else would remove that. */
  async #remove(): Promise<void> {
    await this.#store.delete(this.#key);
    if (!this.#knowsOthers) return;
    for (const key of [...(await this.#store.keys())]) {
      if (key === this.#key || (key !== this.#chat && !key.startsWith(`${this.#chat}/`))) continue;
      if (!(await canHave(this.#locks, key))) continue;
      try {
        await this.#store.delete(key);
      } finally {
        giveBack(key);
      }
    }
  }
}

/** Of what a store has failed with: not what it says, which may hold what it was given. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function written(chat: KeptSession): string {
  const entry: Entry = { version: VERSION_OF_RECORD, savedAt: Date.now(), ...chat };
  return JSON.stringify(entry);
}

export function keeper(
  storage: Storage,
  participant: Participant,
  key: string | undefined,
  log: Keeper["log"],
): Keeper {
  const locks = locksOf(storage);
  const chat = keyOf(participant);
  let own = key ?? chat;
  if (key === undefined) {
    // Not by `crypto.randomUUID`, which pages that were not loaded securely lack.
    if (locks || held.has(own)) own = `${own}/${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
    hold(locks, own).catch((error: Error) => log(`the chat is kept without a lock: ${error.message}`));
  }
  return new Keeper(storage, own, chat, log);
}

/**
 * The chat that was kept last, of those of this contact if one is given; with the session of a page that has
 * gone, if there is one. What cannot be read counts for nothing, as a page has to begin its chat all the same.
 */
export async function kept(
  storage: Storage,
  contactId: string | undefined,
  log: Keeper["log"],
): Promise<Kept | undefined> {
  const store = storeOf(storage);
  const locks = locksOf(storage);
  const failed = (error: unknown) => log(`what was kept cannot be read: ${nameOf(error)}`);
  const entries: [key: string, entry: Entry][] = [];
  try {
    for (const key of [...(await store.keys())]) {
      if (!key.startsWith(PREFIX)) continue;
      try {
        const entry = read(await store.get(key));
        if (entry && Date.now() - entry.savedAt > OLDEST_MS) await store.delete(key);
        else if (entry && isOf(entry, contactId)) entries.push([key, entry]);
      } catch (error) {
        failed(error);
      }
    }
  } catch (error) {
    failed(error);
  }
  entries.sort(([, a], [, b]) => b.savedAt - a.savedAt);
  const [newest] = entries;
  if (!newest) return undefined;
  const chat = entries.filter(([, entry]) => keyOf(entry.participant) === keyOf(newest[1].participant));
  for (let look = 1; look <= LOOKS; look++) {
    for (const [key, entry] of chat) {
      if (await canHave(locks, key)) return { ...entry, key };
    }
    if (look < LOOKS) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
  // Every session of the chat is that of a page that goes on: this page begins one of its own.
  const { participant, region, endpoint } = newest[1];
  return { participant, region, endpoint };
}

function isOf({ participant }: Kept, contactId: string | undefined): boolean {
  return contactId === undefined || participant.contactId === contactId || participant.initialContactId === contactId;
}

function read(text: string | null | undefined): Entry | undefined {
  try {
    const entry = JSON.parse(text ?? "") as Entry;
    const { contactId, initialContactId, participantId, participantToken } = entry.participant;
    const texts = [contactId, initialContactId, participantId, participantToken, entry.region, entry.endpoint];
    const isWhole = [...texts, entry.snapshot].every((member) => typeof member === "string");
    return isWhole && entry.version === VERSION_OF_RECORD && Number.isFinite(entry.savedAt) ? entry : undefined;
  } catch {
    return undefined;
  }
}
