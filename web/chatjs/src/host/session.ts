/** Sessions and calls as the host knows them: what they come with, and what a new core needs to go on with them. */
import type { ConnectionDetails, ParticipantClient } from "../../types/index";
import type { Level } from "../api/log";
import type { Call, DoneOutput, EventOutput, Item, SessionOptions, UploadOutput } from "./core";
import type { Reply } from "./http";
import type { SocketManager } from "./managers";
import { timeOf } from "./parsed";

/** What the host tells a session. */
export interface Listener {
  /** An item for the application, and the number of the callback it is for. */
  item(kind: number, item: Item): void;
  /** Anything else the application should know. */
  event(event: EventOutput): void;
  /** There is a connection; nothing is known of it when the answer of the service is none. */
  connection(details: ConnectionDetails | undefined): void;
  /** Something a developer may want to read. */
  log(level: Level, text: string): void;
  /** What it has of the application's. */
  readonly means?: Means;
  /** In Chatloom behaviour, what it is to go on from. */
  readonly snapshot?: string | undefined;
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
  /** Hears its number, before anything else is told of it. */
  started?(call: number): void;
  /** The file to send. */
  file?: Blob;
  /** Puts it into the storage in place of `fetch`, and says how far it is. */
  upload?:
    ((to: UploadOutput, file: Blob, signal: AbortSignal, sent: (bytes: number) => void) => Promise<Reply>) | undefined;
}

/** How a call ended well, with what the host had kept of it. */
export interface Answer extends DoneOutput {
  /** The answer of the service, where the call has one: its members and `$metadata`. */
  data?: Record<string, unknown>;
  /** A file. */
  blob?: Blob | undefined;
}

export interface Pending {
  readonly session: number;
  readonly what: Call;
  readonly also: Also;
  /** The core knows of it; it has been called off. */
  told: boolean;
  off: boolean;
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
  /** Why there is no such session in the core: it cannot be with these options. */
  refused?: Pick<DoneOutput, "error" | "message">;
  /** The token of the latest connection that it was given. */
  token?: string | undefined;
}

/** Whether a call can be made twice without anybody seeing it. */
export function mayRepeat(what: Call): boolean {
  if (what.type === "sendMessage" || what.type === "sendEvent") return what.clientToken !== undefined;
  return !["disconnectParticipant", "sendAttachment", "cancelParticipantAuthentication"].includes(what.type);
}

/** How long the original keeps a socket before it opens the next. */
const SOCKET_LIFE_S = 3540;

/** Reads the details of a connection; `undefined` when the answer is none (S56). */
export function connectionDetails(body: string, acknowledged: boolean): ConnectionDetails | undefined {
  interface Body {
    Websocket: { Url?: string; ConnectionExpiry?: string };
    ConnectionCredentials: { ConnectionToken?: string; Expiry?: string };
  }
  try {
    const { Websocket: socket, ConnectionCredentials: credentials } = JSON.parse(body) as Body;
    return details(socket.Url, socket.ConnectionExpiry, acknowledged, credentials.ConnectionToken, credentials.Expiry);
  } catch {
    return undefined;
  }
}

function details(
  url: string | null | undefined,
  expiry: string | null | undefined,
  connectionAcknowledged: boolean,
  connectionToken: string | undefined,
  connectionTokenExpiry: string | undefined,
): ConnectionDetails {
  const transportLifeTimeInSeconds = SOCKET_LIFE_S;
  return { url, expiry, transportLifeTimeInSeconds, connectionAcknowledged, connectionToken, connectionTokenExpiry };
}

/** A token of the application's, until when it is good, and a connection with it (S178, S187). */
export async function askForToken(means: Means | undefined) {
  const answer = await means?.getConnectionToken?.();
  const { participantToken: token, expiry } = answer?.chatTokenTransport ?? {};
  if (!token) throw new TypeError("there is no connection token");
  return { token, expiresMs: timeOf(expiry), connection: details(null, null, false, token, expiry) };
}
