/** One instance of the core: what it is told, what it wants, and the short way for items. */
import { isKnown, outputsOf, type Values, valuesOf } from "./border";
import { entryOf, headOf, recipientOf } from "./parsed";
import type { Exports } from "./wasm";

/** What the host says. The members are those of `chatloom_session::Input` in camel case. */
export type Input =
  | ({ type: "create"; session: number } & SessionOptions)
  | ({ type: "restore"; session: number; snapshot: string } & SessionOptions)
  | { type: "forget" | "track"; session: number }
  | { type: "resume"; session: number; token: string }
  | { type: "cancel"; call: number }
  | ({ session: number; call: number } & Call)
  | {
      type: "answered";
      request: number;
      status: number;
      retryAfterMs?: number | null | undefined;
      parsed?: Values | undefined;
    }
  | { type: "progress"; request: number; sent: number }
  | { type: "token"; request: number; token: string; expiresMs: number | undefined }
  | { type: "failed" | "token"; request: number; text: string }
  | { type: "foreignGained" | "foreignLost" | "foreignBroken" | "foreignText"; foreign: number }
  | { type: "foreignHeartbeat"; foreign: number; on: boolean }
  | { type: "opened"; socket: number }
  | { type: "frame"; socket: number; parsed: Values }
  | { type: "part"; source: number; text: string; parsed: Values }
  | { type: "closed"; socket: number; code: number | null; text: string }
  | { type: "network" | "visibility"; on: boolean }
  | { type: "time" };

/** Who a session speaks for, where, and how. */
export interface SessionOptions {
  endpoint: string;
  contactId: string;
  initialContactId: string;
  participantId: string;
  participantToken: string;
  userAgent: string;
  /** It speaks for an agent, not for a customer. */
  agent?: boolean;
  /** The host brings its connection tokens. */
  hostToken?: boolean;
  /** The number of the socket manager that brings its items. */
  foreign?: number;
  /** Chatloom behaviour, which only the full core has. */
  chatloom?: boolean;
  persist?: boolean;
  replay?: boolean;
  typingThrottleMs?: number | undefined;
  receiptThrottleMs?: number | undefined;
  mostEntries?: number | undefined;
}

/** What an application asks of a session. */
export type Call =
  | { type: "connect" | "disconnectParticipant" }
  | { type: "sendAttachment"; name: string; size: number; contentType: string }
  | { type: "downloadAttachment" | "getAttachmentUrl"; attachmentId: string }
  | { type: "describeView"; viewToken: string }
  | { type: "getAuthenticationUrl"; redirectUri: string; sessionId: string }
  | { type: "cancelParticipantAuthentication"; sessionId: string }
  // In Chatloom behaviour only.
  | { type: "markRead" | "markDelivered"; id: string }
  | { type: "loadOlder"; count: number }
  | { type: "fillGap"; gap: number }
  | { type: "resend" | "discard"; key: number }
  | {
      type: "sendMessage" | "sendEvent";
      contentType: string;
      content: string | undefined;
      clientToken: string | undefined;
      /** Of the content of a receipt. */
      parsed?: Values | undefined;
    }
  | {
      type: "getTranscript";
      contactId: string | undefined;
      maxResults: number;
      nextToken: string | undefined;
      scanDirection: string;
      sortOrder: string;
      id: string | undefined;
      absoluteTime: string | undefined;
      mostRecent: number | undefined;
    };

/**
 * What the core wants. The members are those of `chatloom_session::Output` in camel case. The others that
 * `crates/wasm` can write follow only from inputs that the package does not give.
 */
export type Output =
  | HttpOutput
  | { type: "abort"; request: number }
  | { type: "open"; socket: number; url: string }
  | { type: "send"; socket: number; text: string }
  | { type: "close"; socket: number; code: number; reason: string }
  | UploadOutput
  | { type: "download"; request: number; session: number; url: string }
  | { type: "needToken"; request: number; session: number }
  | { type: "joinForeign" | "leaveForeign"; foreign: number }
  | DoneOutput
  | { type: "release"; item: number }
  | { type: "log"; level: number; text: string; session?: number }
  | { type: "wake"; at?: number }
  | { type: "refused"; message: string }
  | ({ session: number } & EventOutput);

/** A request to make. */
export interface HttpOutput {
  type: "http";
  request: number;
  session: number;
  operation: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
  keepBody: boolean;
}

/** A file to upload: that of a call. */
export interface UploadOutput {
  type: "upload";
  request: number;
  session: number;
  call: number;
  url: string;
  headers: Record<string, string>;
}

/** An error: which, and what is known of it. */
export interface DoneError {
  error?: string;
  /** In an error of the service, its name; in one of the service or the storage, its HTTP status. */
  name?: string;
  status?: number;
  /** In an error, a text for people, where it came from outside the core. */
  message?: string;
  /** In an error about an argument, which, and what it must be. */
  member?: string;
  rule?: string;
  /** In an error about a connection or a file, what was asked. */
  operation?: string;
  /** In an error about the number of messages that wait to be sent, that number. */
  waiting?: number;
  /** In an error about something that the host could not reach, what it caught. */
  cause?: unknown;
}

/** The end of a call: an error, or a value. */
export interface DoneOutput extends DoneError {
  type: "done";
  session: number;
  call: number;
  /** In an answer, the request that was answered, and how. */
  request?: number;
  attempts?: number;
  retryDelayMs?: number;
  /** Of a connection, what its socket does (S47). */
  websocketStatus?: string;
  /** In a repeat, the call whose answer counts. */
  earlier?: number;
  /** Of a receipt, that it was sent before (S98). */
  alreadyFired?: true;
  /** Of a file, where it is; or the request that has fetched it. */
  url?: string;
  downloaded?: number;
  /** Of reading more of a transcript, how many entries came, and whether there are no older ones. */
  count?: number;
  atBeginning?: boolean;
}

/** Something that an application should know. */
export type EventOutput =
  | { type: "item"; kind: number; item?: number; body?: Item }
  | { type: "established"; bySocket: boolean }
  | { type: "deepHeartbeat"; success: boolean }
  | { type: "transcript"; previousNextToken?: string; steps: Step[] }
  /** From the host: an item is the new last entry of the transcript; `kept` is as of an `Entry`. */
  | { type: "appended"; body: Item; kept?: Item }
  | { type: "lost" | "broken" | "ended" }
  /** From the host: the core is another one, and the list of the tracked transcript begins anew. */
  | { type: "reset" }
  // In Chatloom behaviour only.
  | { type: "connection"; state: ConnectionState; until?: number; reason?: string }
  | { type: "gap" | "gapClosed"; gap: number }
  | { type: "caughtUp" }
  | ({ type: "message"; key: number; call?: number; id?: string; state: MessageState } & Partial<DoneError>)
  | { type: "roster"; people: PersonOutput[] }
  | { type: "attachmentProgress"; call: number; sent: number; total: number }
  | { type: "persist"; snapshot?: string };

/** A change of a tracked transcript: something comes before what is at an index, or in its place, or that goes. */
export type Step = { type: "remove"; at: number } | ({ type: "insert" | "replace"; at: number } & Entry);

/** An entry of a tracked transcript. */
export interface Entry {
  /** Stays while the entry does. */
  key: number;
  /** An item; the host puts it in the place of its number. */
  body?: Item;
  item?: number;
  /** What a listener keeps in place of the item: the host then does as well, so that there are not two. */
  kept?: Item;
  /** A message that has no item yet; its id, once the service has given it one. */
  id?: string;
  contentType?: string;
  content?: string;
  /** What became of a message. */
  state?: MessageState;
  /** In Chatloom behaviour, something that could not be read yet. */
  gap?: number;
}

/** What a connection is doing. */
export type ConnectionState = "connecting" | "online" | "waiting" | "offline" | "broken" | "ended";

/** What became of a message. */
export type MessageState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";

/** Somebody who is or was in the chat. */
export interface PersonOutput {
  type: "here" | "idle" | "gone";
  participantId: string;
  role?: string;
  name?: string;
  typing: boolean;
  delivered?: string;
  read?: string;
}

/** An item as it came. */
export type Item = Readonly<Record<string, unknown>>;

/** What sessions need to know of an item without metadata: whom it is for, what an entry takes besides, or all. */
export type Need = "recipient" | "entry" | "whole";

/** The bit that `Core.item` gives when the item is also the last entry of the session's transcript. */
export const APPENDED = 32;

/** Stands behind each text. */
const END = "\0";
/** The input has room for so many bytes from the beginning. */
const ROOM = 12_288;

/**
 * The core has failed: the instance is of no more use. The message holds the places that were being run,
 * innermost first; `chatloom.symbols` of the same build has their names.
 */
export class CoreFault extends Error {
  override name = "CoreFault";
}

export class Core {
  readonly #exports: Exports;
  readonly #encoder = new TextEncoder();
  // A byte order mark at the beginning is a character of the first text like any other.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The memory, as bytes and as values; empty when it has grown since. */
  #bytes = new Uint8Array(0);
  #values = new Float64Array(0);
  /** Where inputs are written, and how many bytes have room there. */
  #place = 0;
  #room = 0;
  /** The last item, if only its head stands there, where it came from, and what the core gave for it. */
  #last: Item | undefined;
  #lastSource = 0;
  #lastCode = 0;

  /** Starts an instance that nobody else has. Throws when it is of another release, with other tables. */
  constructor(exports: Exports) {
    this.#exports = exports;
    exports.memory.grown = () => {
      this.#bytes = new Uint8Array(0);
    };
    if (!isKnown(exports.start(random(), random()))) {
      throw new Error("the core is of another release than the package: load the file that came with it");
    }
  }

  /** Tells the core something; gives what it wants now. */
  handle(input: Input): Output[] {
    let values: Values;
    try {
      values = valuesOf(input);
    } catch (error) {
      // What an application gave may not be of the type that it should be.
      return [{ type: "refused", message: (error as Error).message }];
    }
    const count = this.#write(values);
    try {
      return this.#read(this.#exports.handle(count, performance.now(), Date.now()));
    } catch (error) {
      throw fault(error);
    }
  }

  /**
   * Tells the core of an item that the host keeps as number `handle`, and that came over a socket, or over the
   * socket manager of minus `source`. Gives 0 when nobody wants it, 64 times a session plus a kind plus 1 when that
   * session gets it and nothing else follows, `APPENDED` more when it only becomes the last entry of the transcript
   * besides, or a negative number when more follows: `outputs` reads it.
   */
  item(source: number, handle: number, item: Item, need: Need): number {
    if (need === "whole" || item["MessageMetadata"]) return this.#bring(headOf(item), source, handle);
    if (need === "entry") return this.#bring(entryOf(item), source, handle);
    // Successive items of a chat agree in what the core decides on; then it decides the same.
    if (!this.#isLike(item, source)) {
      this.#lastCode = this.#bring(recipientOf(item), source, handle);
      if (this.#lastCode < 0) return this.#lastCode;
      this.#lastSource = source;
      this.#last = item;
    }
    return this.#lastCode;
  }

  #bring(head: Values, source: number, handle: number): number {
    const count = this.#write(head);
    try {
      return this.#exports.item(count, source, handle, performance.now(), Date.now());
    } catch (error) {
      throw fault(error);
    }
  }

  /** Whether the core would give for this item what it gave for the last one. */
  #isLike(item: Item, source: number): boolean {
    const last = this.#last;
    return (
      last !== undefined &&
      source === this.#lastSource &&
      item["Type"] === last["Type"] &&
      item["ContentType"] === last["ContentType"] &&
      item["ContactId"] === last["ContactId"] &&
      item["InitialContactId"] === last["InitialContactId"] &&
      item["RelatedContactId"] === last["RelatedContactId"]
    );
  }

  /** What follows an item, by the number that `item` gave. */
  outputs(code: number): Output[] {
    return this.#read(-code);
  }

  /** Writes values, and behind them the texts among them. Gives how many they are. */
  #write(values: Values): number {
    this.#last = undefined;
    let text = "";
    // Two halves of a character must not become one.
    for (const value of values) if (typeof value === "string") text += value + END;
    const start = 8 * values.length;
    const most = start + 3 * text.length;
    if (most > this.#room) {
      this.#room = Math.max(most, ROOM);
      this.#place = this.#exports.input(this.#room);
    }
    this.#view();
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(this.#place + start));
    let index = this.#place / 8;
    for (const value of values) {
      if (typeof value !== "string") this.#values[index++] = value;
      // Mostly each unit is one byte.
      else this.#values[index++] = written === text.length ? value.length : this.#encoder.encode(value).length;
    }
    return values.length;
  }

  /** Reads so many values. The first two say where the texts of the others are, and how many bytes they have. */
  #read(count: number): Output[] {
    if (count === 0) return [];
    this.#view();
    const start = this.#exports.output() / 8;
    const place = this.#values[start]!;
    const length = this.#values[start + 1]!;
    // Often there are none.
    const text = length > 0 ? this.#decoder.decode(this.#bytes.subarray(place, place + length)) : "";
    return outputsOf(this.#values, start + 2, start + count, text);
  }

  /** The buffer of a memory is another one when it has grown. */
  #view(): void {
    if (this.#bytes.length > 0) return;
    const { buffer } = this.#exports.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#values = new Float64Array(buffer);
  }
}

/** 32 random bits, for back-offs and the names of requests; weaker ones where there is no `crypto`, as in React Native. */
function random(): number {
  if (typeof crypto === "object") return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return Math.floor(Math.random() * 2 ** 32);
}

/** The places in the core that a trap's stack names; some browsers leave the second number out. */
const PLACE = /wasm-function\[\d+\](?::0x[0-9a-f]+)?/g;
/** So many of them are told. */
const MOST_PLACES = 8;

/** What was thrown as text, which not everything has. */
export function thrown(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "Error: something without a text was thrown";
  }
}

/** What a call into the core threw: a trap, which has no message of its own, or an exhausted stack. */
function fault(error: unknown): CoreFault {
  const places = (error instanceof Error && error.stack?.match(PLACE)?.slice(0, MOST_PLACES)) || [];
  return new CoreFault([String(error), ...places].join(" "), { cause: error });
}
