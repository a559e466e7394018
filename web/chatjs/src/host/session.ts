/** Sessions and calls as the host knows them: what they come with, and what a new core needs to go on with them. */
import type { Level } from "../api/log";
import type { ParticipantClient } from "./clients";
import type { Call, DoneOutput, EventOutput, Item, SessionOptions } from "./core";
import type { SocketManager } from "./managers";

/** What the host tells a session. */
export interface Listener {
  /** An item for the application, and the number of the callback it is for. */
  item(kind: number, item: Item): void;
  /** Anything else the application should know. */
  event(event: EventOutput): void;
  /** There is a connection: the answer of the service, or what stands for it, and whether it also marked the agent as there (S181). */
  connection(body: string, acknowledged: boolean): void;
  /** Something a developer may want to read. */
  log(level: Level, text: string): void;
  /** What it has of the application's. */
  readonly means?: Means;
}

/** What a session has of the application's in place of what the host would use. */
export interface Means {
  /** Brings its items, over a socket of its own (S16). */
  manager?: SocketManager | undefined;
  /** Brings connection tokens (S178). */
  getConnectionToken?: (() => Promise<ConnectionTokenAnswer>) | undefined;
  /** Makes the requests to the service. */
  client?: ParticipantClient | undefined;
}

/** What `getConnectionToken` gives: what is called a participant token here is a connection token (S178). */
export interface ConnectionTokenAnswer {
  chatTokenTransport: { participantToken: string; expiry?: string };
}

/** What else a call may come with. */
export interface Also {
  /** Calls it off. */
  signal?: AbortSignal | undefined;
  /** Hears its number, before anything else is told of it. */
  started?(call: number): void;
  /** The file to send. */
  file?: Blob;
  /** Whether somebody wants to hear how far the file is. */
  progress?: boolean;
}

/** How a call ended well. */
export interface Answer {
  /** The number of the call whose answer this is. */
  call: number;
  /** The answer of the service, where the call has one: its members and `$metadata`. */
  data?: Record<string, unknown>;
  /** Nothing was sent: the answer is that of this earlier call. */
  earlier?: number;
  /** Of `connect`, what the socket does. */
  websocketStatus?: string;
  /** Nothing was sent: a receipt like this was (S98). */
  alreadyFired?: true;
  /** Where a file is. */
  url?: string;
  /** A file. */
  blob?: Blob;
  /** Of reading more of a transcript, how many entries came, and whether there are no older ones. */
  count?: number;
  atBeginning?: boolean;
}

export interface Pending {
  readonly session: number;
  readonly what: Call;
  readonly also: Also;
  /** The core knows of it. */
  told: boolean;
  /** Lets go of what would call it off. */
  over(): void;
  resolve(answer: Answer): void;
  reject(error: DoneOutput): void;
}

/** A session, as another core can go on with it. */
export interface Begun {
  readonly options: SessionOptions;
  readonly listener: Listener;
  tracked: boolean;
  /** It has connected, and is neither broken nor over. */
  live: boolean;
  /** The application has been told that the connection is lost, and not that it is there again. */
  lost: boolean;
  /** The latest connection that it was given. */
  connection?: string;
  /** In Chatloom behaviour, where it is, if it is kept. */
  snapshot?: string | undefined;
  /** In Chatloom behaviour, the newest item of the application's, and the one when a core failed that kept nothing. */
  newest?: Item | undefined;
  had?: Item | undefined;
}

/** The kinds of items that are only of the moment, and in no transcript: from typing to being disconnected. */
const TRANSIENT = [1, 6] as const;

/**
 * Whether the application has an item from a core that failed. In Chatloom behaviour another one that knows nothing
 * of that brings the whole transcript, in order; making snapshots for this alone would cost more than all the rest.
 */
export function isRepeat(begun: Begun, kind: number, item: Item): boolean {
  if (!begun.options.chatloom || !item["Id"] || (kind >= TRANSIENT[0] && kind <= TRANSIENT[1])) return false;
  // A part of a streamed message is only of the moment as well.
  if ((item["MessageMetadata"] as Item | undefined)?.["MessageCompleted"] === false) return false;
  if (begun.had && !isNewer(item, begun.had)) return true;
  if (!begun.newest || isNewer(item, begun.newest)) begun.newest = item;
  return false;
}

/** The order of a transcript (docs/protocol/defects.md D7). */
function isNewer(item: Item, than: Item): boolean {
  const [a, b] = [item, than].map(({ AbsoluteTime, Id }) => `${String(AbsoluteTime)} ${String(Id)}`) as [
    string,
    string,
  ];
  return a > b;
}

/** Whether a call can be made twice without anybody seeing it. */
export function mayRepeat(what: Call): boolean {
  if (what.type === "sendMessage" || what.type === "sendEvent") return what.clientToken !== undefined;
  return !["disconnectParticipant", "sendAttachment", "cancelParticipantAuthentication"].includes(what.type);
}

/** The connection token in an answer of the service. */
export function tokenOf(connection: string): string | undefined {
  interface Body {
    ConnectionCredentials?: { ConnectionToken?: string };
  }
  try {
    return (JSON.parse(connection) as Body).ConnectionCredentials?.ConnectionToken;
  } catch {
    return undefined;
  }
}

/** A token of the application's, until when it is good, and a connection in the form of the service's answer (S178, S187). */
export async function askForToken(means: Means | undefined) {
  const answer = await means?.getConnectionToken?.();
  const { participantToken: token, expiry } = answer?.chatTokenTransport ?? {};
  if (!token) throw new TypeError("there is no connection token");
  const connection = JSON.stringify({
    Websocket: { Url: null, ConnectionExpiry: null },
    ConnectionCredentials: { ConnectionToken: token, Expiry: expiry },
  });
  return { token, expiry: isoTime(expiry), connection };
}

/** A time that the application gave, if it is one. */
function isoTime(time: string | undefined): string | undefined {
  const date = new Date(time ?? NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
