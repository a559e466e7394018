/** Keeps chats, so that they can go on when the page is loaded again. */
import type { Participant } from "../api/rules";
import type { Keeper, Kept, Storage } from "./addition";
import type { ChatStore } from "./options";
import { storeOf } from "./stores";

/** Of what is written. */
const VERSION_OF_RECORD = 1;
/** Before the names of chats, for there may be other things in a store. */
const PREFIX = "chatloom/";

/** A chat with when it was written. */
interface Entry extends Kept {
  version: typeof VERSION_OF_RECORD;
  savedAt: number;
}

function keyOf({ initialContactId, participantId }: Participant): string {
  return `${PREFIX}${initialContactId}/${participantId}`;
}

/**
 * Keeps one chat. A store may be slow: while it writes only the newest that came is remembered, so it is never
 * more than one writing behind.
 */
class OneKeeper implements Keeper {
  readonly #store: ChatStore;
  readonly log: (text: string) => void;
  readonly #key: string;
  /** What is to be done next: something to write, or nothing to be kept. */
  #next: Kept | null | undefined;
  #writing = false;

  constructor(store: ChatStore, key: string, log: (text: string) => void) {
    this.#store = store;
    this.#key = key;
    this.log = log;
  }

  keep(chat: Kept): void {
    this.#next = chat;
    if (!this.#writing) void this.#write();
  }

  forget(): void {
    this.#next = null;
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#next !== undefined) {
      const next = this.#next;
      this.#next = undefined;
      try {
        if (next) await this.#store.set(this.#key, written(next));
        else await this.#store.delete(this.#key);
      } catch (error) {
        // Not what is kept, and not under which name.
        this.log(`the chat cannot be kept: ${(error as Error).name}: ${(error as Error).message}`);
      }
    }
    this.#writing = false;
  }
}

function written(chat: Kept): string {
  const entry: Entry = { version: VERSION_OF_RECORD, savedAt: Date.now(), ...chat };
  return JSON.stringify(entry);
}

export function keeper(storage: Storage, participant: Participant, log: Keeper["log"]): Keeper {
  return new OneKeeper(storeOf(storage), keyOf(participant), log);
}

/** The chat that was kept last, of those of this contact if one is given. What cannot be read counts for nothing. */
export async function kept(storage: Storage, contactId: string | undefined): Promise<Kept | undefined> {
  const store = storeOf(storage);
  let newest: Entry | undefined;
  for (const key of await store.keys()) {
    if (!key.startsWith(PREFIX)) continue;
    const entry = read(await store.get(key));
    if (!entry || !isOf(entry, contactId)) continue;
    if (!newest || entry.savedAt > newest.savedAt) newest = entry;
  }
  return newest;
}

function isOf({ participant }: Kept, contactId: string | undefined): boolean {
  return contactId === undefined || participant.contactId === contactId || participant.initialContactId === contactId;
}

function read(text: string | null | undefined): Entry | undefined {
  try {
    const entry = JSON.parse(text ?? "") as Entry;
    return entry.version === VERSION_OF_RECORD && typeof entry.snapshot === "string" ? entry : undefined;
  } catch {
    return undefined;
  }
}
