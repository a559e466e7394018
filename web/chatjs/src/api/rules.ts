/** What arguments must be (docs/protocol/websocket.md S9, S13, S63, S64, S191). */

import type { ChatloomSession } from "../../types/index";

/** An argument that does not fit. */
export class IllegalArgument extends Error {
  override name = "IllegalArgument";
  readonly argument: unknown;

  constructor(message: string, argument?: unknown) {
    super(message);
    this.argument = argument;
  }
}

/** What content types begin with, by the letter that stands for it. */
const BEGINNINGS: Record<string, string> = {
  E: "application/vnd.amazonaws.connect.event.",
  M: "application/vnd.amazonaws.connect.message.",
  O: "application/vnd.openxmlformats-officedocument.",
};

/** What `sendMessage` and `sendEvent` take (S191), in the order in which a refusal names it and the core numbers it. */
export const CONTENT_TYPES = [
  "text/plain text/markdown text/csv application/msword O:wordprocessingml.document application/json application/pdf",
  "application/vnd.ms-powerpoint O:presentationml.presentation application/vnd.ms-excel O:spreadsheetml.sheet",
  "E:authentication.initiated E:authentication.succeeded E:authentication.failed E:authentication.timeout",
  "E:authentication.expired E:authentication.cancelled E:participant.displayname.updated",
  "image/jpeg image/png audio/wav audio/x-wav audio/vnd.wave",
  "E:connection.acknowledged E:typing E:participant.joined E:participant.left E:participant.active",
  "E:participant.inactive E:transfer.succeeded E:transfer.failed E:chat.ended M:interactive M:interactive.response",
  "E:message.read E:message.delivered E:participant.idle E:participant.returned E:participant.invited",
  "E:participant.autodisconnection E:chat.rehydrated E:workflow.cancelled",
]
  .join(" ")
  .replace(/([A-Z]):/g, (_, letter: string) => BEGINNINGS[letter] ?? "")
  .split(" ");

/** Checks the content type of a message or an event (S64). */
export function checkContentType(contentType: unknown): asserts contentType is string {
  if (!CONTENT_TYPES.includes(contentType as string)) {
    throw new IllegalArgument(
      `contentType passed (${String(contentType)}) is not valid. Allowed values are: ${CONTENT_TYPES.join()}`,
    );
  }
}

/** Whether an event is a receipt (S93). */
export function isReceipt(contentType: string): boolean {
  return /event\.message\.(read|delivered)$/.test(contentType);
}

/** Checks the text of a message (S63). */
export function checkMessage(message: unknown): asserts message is string {
  if (typeof message !== "string") throw new IllegalArgument(`${String(message)}is not a valid message`);
}

/** The types of sessions. */
export const SessionTypes = { AGENT: "AGENT", CUSTOMER: "CUSTOMER" } as const;

/** One of them. */
export type SessionType = keyof typeof SessionTypes;

/** What the application gives with a call and finds again in its result. */
export interface WithMetadata {
  metadata?: unknown;
}

/** The arguments of methods as the typings have them, but for what is looked at here: a content type, JSON. */
type Unchecked<Args, Names extends string = never> = Omit<Args, "contentType" | Names> & WithMetadata;

export type SendMessageArgs = Unchecked<connect.SendMessageArgs> & { contentType: string; signal?: AbortSignal };
export type SendEventArgs = Unchecked<connect.SendEventArgs, "content"> & { contentType: string; content?: unknown };
export type GetTranscriptArgs = Partial<connect.GetTranscriptArgs> & WithMetadata;
export type SendAttachmentArgs = Parameters<ChatloomSession["sendAttachment"]>[0];
export type AttachmentArgs = connect.DownloadAttachmentArgs & WithMetadata;
export type DescribeViewArgs = { viewToken: string } & WithMetadata;
export type GetAuthenticationUrlArgs = connect.GetAuthenticationUrlArgs & WithMetadata;
export type CancelParticipantAuthenticationArgs = connect.CancelParticipantAuthenticationArgs & WithMetadata;

/** What brings an agent's connection tokens (S178). */
export type GetConnectionToken = () => Promise<{ chatTokenTransport: { participantToken: string; expiry: string } }>;

/** A contact and a participant, as an application gives them: the answer of StartChatContact will do. */
export interface ChatDetailsInput {
  contactId?: string;
  ContactId?: string;
  initialContactId?: string;
  InitialContactId?: string;
  participantId?: string;
  ParticipantId?: string;
  participantToken?: string | null;
  ParticipantToken?: string | null;
  getConnectionToken?: GetConnectionToken;
  GetConnectionToken?: GetConnectionToken;
}

/** A contact and a participant. */
export interface Participant {
  initialContactId: string;
  contactId: string;
  participantId: string;
  participantToken: string | undefined;
}

/** The details of a chat as they are used. */
export interface Details extends Participant {
  getConnectionToken: GetConnectionToken | undefined;
}

/** Reads the details of a chat in either spelling (S12 to S14). */
export function readChatDetails(input: ChatDetailsInput): Details {
  const contactId = input.ContactId || input.contactId;
  const participantId = input.ParticipantId || input.participantId;
  checkText(contactId, "chatDetails.contactId");
  checkText(participantId, "chatDetails.participantId");
  return {
    initialContactId: input.InitialContactId || input.initialContactId || contactId,
    contactId,
    participantId,
    participantToken: input.ParticipantToken || input.participantToken || undefined,
    getConnectionToken: input.getConnectionToken || input.GetConnectionToken,
  };
}

function checkText(text: unknown, name: string): asserts text is string {
  if (!text || typeof text !== "string") throw new IllegalArgument(`${name} is not a non-empty string!`);
}
