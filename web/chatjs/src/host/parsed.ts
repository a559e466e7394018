/**
 * What the core decides on of what a service says, in the order in which `crates/wasm` reads it: it has no parser of
 * JSON of its own.
 */
import type { ConnectionDetails } from "../../types/index";
import { CONTENT_TYPES } from "../api/rules";
import type { Values } from "./border";
import type { Item } from "./core";

/** Frames of this topic carry an item. */
const CHAT_TOPIC = "aws/chat";
/** Other topics, in the order of the core's numbers of frames; behind them those that have no topic that is known. */
const TOPICS: unknown[] = ["aws/heartbeat", "aws/ping", "aws/subscribe"];
const GATEWAY = 3;
const OTHER = 4;
const UNREADABLE = 5;

/** The object in a JSON text; `undefined` for anything else. */
export function objectOf(text: string): Item | undefined {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A value that is an object. */
function objectIn(value: unknown): Item | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Item) : undefined;
}

/** A member that is not as documented counts as absent. */
export function textOf(member: unknown): number | string {
  return typeof member === "string" ? member : NaN;
}

/** The text of the item in a frame, if it has one. */
export function contentOf(frame: Item | undefined): string | undefined {
  const { topic, content } = frame ?? {};
  return topic === CHAT_TOPIC && typeof content === "string" ? content : undefined;
}

/** What a frame without an item is, and what it says (docs/protocol/websocket.md §1). */
export function frameOf(frame: Item | undefined): Values {
  const { topic, content, statusCode, message } = frame ?? {};
  if (typeof topic !== "string") return [typeof message === "string" ? GATEWAY : UNREADABLE];
  // The item in it could not be read.
  if (contentOf(frame) !== undefined) return [UNREADABLE];
  const kind = TOPICS.indexOf(topic);
  if (kind < 2) return kind < 0 ? [OTHER] : [kind, Number(statusCode === 200)];
  const answer = objectIn(content);
  if (!answer) return [UNREADABLE];
  const { status, topics } = answer;
  const isChat = !Array.isArray(topics) || topics.length === 0 || topics.includes(CHAT_TOPIC);
  return [kind, Number(status === "success"), Number(isChat)];
}

/** A time in milliseconds since 1970, if it is one. */
export function timeOf(time: unknown): number | undefined {
  return (typeof time === "string" && Date.parse(time)) || undefined;
}

/** Whom an item is for, and what it is. */
export function recipientOf(item: Item): Values {
  return [
    textOf(item["Type"]),
    typeOf(item["ContentType"]),
    textOf(item["ContactId"]),
    textOf(item["InitialContactId"]),
    textOf(item["RelatedContactId"]),
  ];
}

/** The number of a content type, if the core may decide on it. */
function typeOf(type: unknown): number {
  const number = CONTENT_TYPES.indexOf(type as string);
  return number < 0 ? NaN : number;
}

/** The same, and what an entry of a transcript takes besides. */
export function entryOf(item: Item): Values {
  return [...recipientOf(item), textOf(item["Id"]), textOf(item["AbsoluteTime"])];
}

/** All that the core may decide on. */
export function headOf(item: Item): Values {
  const values = [
    ...entryOf(item),
    textOf(item["ParticipantId"]),
    textOf(item["ParticipantRole"]),
    textOf(item["DisplayName"]),
    textOf((item["Attachments"] as (Item | null)[] | null | undefined)?.[0]?.["Status"]),
  ];
  const metadata = objectIn(item["MessageMetadata"]);
  if (!metadata) return [...values, NaN];
  const receipts = Array.isArray(metadata["Receipts"]) ? (metadata["Receipts"] as (Item | null)[]) : [];
  values.push(receipts.length, textOf(metadata["MessageId"]));
  for (const receipt of receipts) {
    const { DeliveredTimestamp, ReadTimestamp, RecipientParticipantId } = receipt ?? {};
    values.push(textOf(DeliveredTimestamp), textOf(ReadTimestamp), textOf(RecipientParticipantId));
  }
  return values;
}

/** Whether an item may be a part of a streamed message, whose text the core joins. */
export function isPart(item: Item): boolean {
  return (objectIn(item["MessageMetadata"])?.["MessageCompleted"] ?? null) !== null;
}

/** Of an item whose text is given too: what may be streamed in it, and then the rest. */
export function partOf(item: Item): Values {
  const { ChunkNumber: number, MessageCompleted: completed } = objectIn(item["MessageMetadata"]) ?? {};
  return [
    textOf(item["Content"]),
    Number.isInteger(number) ? (number as number) : NaN,
    typeof completed === "boolean" ? Number(completed) : NaN,
    ...headOf(item),
  ];
}

/** Of an answer that refuses, the name of the error and what it says (docs/protocol/participant-service.md §2.2). */
export function errorOf(status: number, errorType: string | null | undefined, body: string): Values {
  const { code, __type, message, Message } = objectOf(body) ?? {};
  const first = (...texts: unknown[]) => texts.find((text) => typeof text === "string") as string;
  const name = first(errorType || null, code, __type, "");
  // `com.example#Name:http://...` is `Name`.
  return [
    0,
    /^(?:[^,:]*#)?([^,:#]*)/.exec(name)![1]!.trim() || String(status),
    first(message, Message, "UnknownError"),
  ];
}

/** Of a connection; of nothing when the answer was none. */
export function connectionOf(details: ConnectionDetails | undefined): Values {
  const { url, connectionToken, connectionTokenExpiry } = details ?? {};
  return [1, Number(details !== undefined), textOf(url), textOf(connectionToken), timeOf(connectionTokenExpiry) ?? NaN];
}

/** Of the answer to another operation that went through, what the core decides on; nothing if that is nothing. */
export function answerOf(operation: string, body: string): Values {
  const answer = objectOf(body);
  if (!answer) return [];
  if (operation === "SendMessage") return [3, textOf(answer["Id"]), textOf(answer["AbsoluteTime"])];
  if (operation === "GetTranscript") {
    const { Transcript: items, NextToken: next } = answer;
    const itemOf = (value: unknown) => {
      const item = objectIn(value);
      return item ? [JSON.stringify(item), ...partOf(item)] : [NaN];
    };
    return [4, textOf(next), ...(Array.isArray(items) ? items.flatMap(itemOf) : [])];
  }
  // Where a file goes or is.
  const { Url: url, UrlExpiry: expiry, HeadersToInclude: headers } = objectIn(answer["UploadMetadata"]) ?? answer;
  const texts = Object.entries(objectIn(headers) ?? {}).filter(([, value]) => typeof value === "string");
  return [2, textOf(answer["AttachmentId"]), textOf(url), textOf(expiry), ...(texts.flat() as string[])];
}
