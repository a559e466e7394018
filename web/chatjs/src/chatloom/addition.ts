/**
 * What Chatloom behaviour needs beside the rest: a core that knows it, and what works with other pages and
 * with storage. A file of its own, loaded when the first session asks for that behaviour.
 */
import type { Participant } from "../api/rules";
import type { CoreSource } from "../host/wasm";
import type { ChatloomOptions } from "./options";

/** What that file offers. */
export interface Addition {
  /** The version of the package that it belongs to. */
  readonly version: string;
  readonly core: CoreSource;
  /** Where a chat is kept from now on. */
  keeper(storage: Storage, participant: Participant, log: Keeper["log"]): Keeper;
  /** The chat that was kept last, of those of this contact if one is given. */
  kept(storage: Storage, contactId: string | undefined): Promise<Kept | undefined>;
}

/** Where chats are kept. */
export type Storage = NonNullable<ChatloomOptions["storage"]>;

/** What is kept of a chat. */
export interface Kept {
  participant: Participant;
  region: string;
  endpoint: string;
  /** What the core needs to go on. */
  snapshot: string;
}

/** Keeps one chat. */
export interface Keeper {
  /** Hears what goes wrong. */
  readonly log: (text: string) => void;
  /** Keeps this in place of what was kept before. */
  keep(chat: Kept): void;
  /** Nothing is to be kept any more. */
  forget(): void;
}

let load: () => Promise<Addition>;
let asked: Promise<Addition> | undefined;
let there: Addition | undefined;

/** How the file is loaded. */
export function useAddition(loader: () => Promise<Addition>): void {
  load = loader;
}

/** What is in the file. After a failure the next one who asks has it loaded again. */
export function addition(): Promise<Addition> {
  asked ??= load().then(
    (loaded) => {
      if (loaded.version !== VERSION) {
        asked = undefined;
        throw new Error(`the file for Chatloom behaviour is of version ${loaded.version}, the package of ${VERSION}`);
      }
      return (there = loaded);
    },
    (error: unknown) => {
      asked = undefined;
      throw error;
    },
  );
  return asked;
}

/** The same when a core has been loaded from it. */
export function loadedAddition(): Addition {
  if (!there) throw new Error("the file for Chatloom behaviour has not been loaded");
  return there;
}

/** The core with both behaviours. Its sessions put items in order. */
export const fullCore: CoreSource = {
  needsWholeItems: true,
  load: async () => (await addition()).core.load(),
};
