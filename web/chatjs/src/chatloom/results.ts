/** The shapes of what applications get in Chatloom behaviour alone. */
import { failure } from "../api/results";
import type { ConnectionState, EventOutput, MessageState, PersonOutput } from "../host/core";

/** What a connection is doing. */
export interface Connection {
  state: "new" | ConnectionState;
  /** When the next attempt is made, in milliseconds since 1970, if one is waited for. */
  retryAt?: number;
  /** Why the last attempt failed, for people. */
  reason?: string;
}

/** What became of a message of this session's. */
export interface MessageStatus {
  /** Names it in this chat from the beginning, also after a reload. */
  key: number;
  state: MessageState;
  /** The id of its item, once the service has given it one. */
  id?: string;
  /** Why it failed. */
  error?: ReturnType<typeof failure>;
  /** What was sent. */
  message?: string | undefined;
  contentType?: string;
  /** What the application gave `sendMessage`. */
  metadata?: unknown;
}

/** Somebody who is or was in the chat. */
export interface Person {
  participantId: string;
  role: string | undefined;
  displayName: string | undefined;
  presence: "here" | "idle" | "gone";
  typing: boolean;
  /** The newest items that have reached them, and that they have read, as far as they said. */
  deliveredItemId: string | undefined;
  readItemId: string | undefined;
}

/** What reading more of a transcript has brought. */
export interface Loaded {
  count: number;
  /** Whether the chat has no older entries. */
  atBeginning: boolean;
}

export function connectionOf({ state, until, reason }: Extract<EventOutput, { type: "connection" }>): Connection {
  const connection: Connection = { state };
  // The core has the clock that does not jump.
  if (until !== undefined) connection.retryAt = Math.round(Date.now() + until - performance.now());
  if (reason) connection.reason = reason;
  return connection;
}

export function personOf({ type, participantId, role, name, typing, delivered, read }: PersonOutput): Person {
  return {
    participantId,
    role,
    displayName: name,
    presence: type,
    typing,
    deliveredItemId: delivered,
    readItemId: read,
  };
}
