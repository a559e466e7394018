/**
 * What Chatloom behaviour needs beside the rest: a core that knows it, and what works with other pages and
 * with storage. A file of its own, loaded when the first session asks for that behaviour.
 */
import type { Participant } from "../api/rules";
import type { SessionOptions } from "../host/core";
import { Host } from "../host/host";
import type { SocketManager } from "../host/managers";
import type { Listener, Means } from "../host/session";
import type { CoreSource } from "../host/wasm";
import type { ChatloomOptions } from "./options";

/** What that file offers. */
export interface Addition {
  /** The version of the package that it belongs to. */
  readonly version: string;
  readonly core: CoreSource;
  /** Keeps a chat from now on, where it was kept before if that is given. */
  keeper(storage: Storage, participant: Participant, key: string | undefined, log: Keeper["log"]): Keeper;
  /** A socket that the pages of this origin share that know this name. */
  line(name: string, relay: RelayOptions, log: Listener["log"]): Line;
  /** The chat that was kept last, of those of this contact if one is given; nothing where nothing can be read. */
  kept(storage: Storage, contactId: string | undefined, log: Keeper["log"]): Promise<Kept | undefined>;
}

/** A socket that pages share. */
export interface Line extends SocketManager {
  /** Waits until the socket is there, but not for long. */
  ready(): Promise<void>;
  /** Nobody in this page needs the socket any more. */
  closeWebSocket(): void;
}

/** How a page keeps the socket. */
export interface RelayOptions {
  /** Gives a host that nobody else has. */
  makeHost(): Host;
  session: SessionOptions;
  means: Means;
}

/** Where chats are kept. */
export type Storage = NonNullable<ChatloomOptions["storage"]>;

/** What is kept of a chat. */
export interface KeptSession {
  participant: Participant;
  region: string;
  endpoint: string;
  /** What the core needs to go on. */
  snapshot: string;
}

/** A chat to go on with: where its session was kept, and what the core needs, unless a session is to begin. */
export type Kept = Omit<KeptSession, "snapshot"> & ({ key: string; snapshot: string } | { key?: undefined });

/** Keeps one chat. */
export interface Keeper {
  /** Hears what goes wrong. */
  readonly log: (text: string) => void;
  /** Keeps this in place of what was kept before. */
  keep(chat: KeptSession): void;
  /** Nothing is to be kept any more. */
  forget(): void;
  /** Somebody else may go on with the chat. */
  leave(): void;
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

/** A host of its own for such sessions, when one has been loaded. */
export function ownHost(): Host {
  return new Host(fullCore, loadedAddition().core.load());
}

/** The core with both behaviours. Its sessions put items in order. */
export const fullCore: CoreSource = {
  needsWholeItems: true,
  load: async () => (await addition()).core.load(),
};
