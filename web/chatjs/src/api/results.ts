/** The shapes of values and errors that applications get. */
import type { ConnectionDetails } from "../../types/index";
import type { DoneError } from "../host/core";
import type { Participant } from "./rules";

/** The details of a chat (S56). */
export interface ChatDetails extends Participant {
  connectionDetails: ConnectionDetails | undefined;
}

/** A result of the service (S59). */
export interface Result {
  data: Record<string, unknown>;
  metadata?: unknown;
}

/** A file of the chat (S77). */
export type Download = Blob & { metadata: unknown };

/** What `connect` gives (S46). */
export interface ConnectResult {
  _debug: { websocketStatus: string };
  connectSuccess: true;
  connectCalled: true;
  metadata: unknown;
}

/** The names of errors that arise on this side, and what they say unless they know better; the second file adds some. */
export const ERRORS: Record<string, readonly [type: string, message: string]> = {
  badAnswer: ["SyntaxError", "the service's answer cannot be used"],
  closed: ["AbortError", "the session is closed"],
  invalid: ["ValidationException", "an argument does not fit"],
  storage: ["Error", "the storage did not take or give the file"],
  unreachable: ["TypeError", "the service could not be reached"],
};

/** What `connect` rejects with. */
export function connectFailed(_debug: unknown, metadata: unknown) {
  return { _debug, connectSuccess: false, connectCalled: true, metadata };
}

/** Why a customer's `connect` failed. */
export function noConnection(error: DoneError) {
  return { reason: "Failed to fetch connectionDetails with createParticipantConnection", _debug: failure(error) };
}

/** The text that a call without a connection rejects with (S57). */
export function notConnected(method: string): string {
  return `Failed to call ${method}, No active connection`;
}

/** What is thrown at those who ask for a connection before there ever was one (S58, S83). */
export function neverConnected(): TypeError {
  return new TypeError("the session has never been connected: call connect() first");
}

/** What a call that failed rejects with; `metadata` is a member of it or is not. */
export function callFailed(method: string, error: DoneError, metadata: { metadata?: unknown }): unknown {
  // What the storage of files could not be reached with (S74).
  if (error.cause !== undefined) return Object.assign(error.cause as object, metadata);
  return error.error === "notConnected" ? notConnected(method) : { ...failure(error), ...metadata };
}

/** What a call that failed rejects with (S60), but for the metadata. */
export function failure({ error, name, status, message: told, member, rule }: DoneError) {
  const [known, text] = ERRORS[error ?? ""] ?? ["Error", ""];
  let type = name ?? known;
  let message = told ?? (member ? `${member}: ${rule}` : text);
  if (error === "unreachable") {
    // The host put the name of what `fetch` threw before its text.
    const [, thrown, text] = /^(\w+): (.*)$/s.exec(message) ?? [];
    if (thrown && text) [type, message] = [thrown, text];
  }
  const [, ...trace] = (new Error().stack ?? "").split("\n");
  return { type, message, stack: [`${type}: ${message}`, ...trace], statusCode: status };
}
