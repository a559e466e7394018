// What the service sends, by its content type. The sets are those of crates/wire; `test/types.test.ts` holds
// them beside each other. They are open: a newer service may send what is not listed here, and it is passed on
// as it came, so a `switch` over them needs a `default`.

/** What a participant is in the chat. */
export type ParticipantRole = "AGENT" | "CUSTOMER" | "SYSTEM" | "CUSTOM_BOT" | "SUPERVISOR";

/** The kind of an item. */
export type ItemType = "MESSAGE" | "EVENT" | "ATTACHMENT" | "MESSAGEMETADATA";

/** Content types of messages that people and flows write. */
export type MessageContentType =
  | "text/plain"
  | "text/markdown"
  | "application/json"
  | "application/vnd.amazonaws.connect.message.interactive"
  | "application/vnd.amazonaws.connect.message.interactive.response"
  | "application/vnd.amazonaws.connect.message.attachment";

/** Content types of events. */
export type EventContentType =
  | "application/vnd.amazonaws.connect.event.typing"
  | "application/vnd.amazonaws.connect.event.message.delivered"
  | "application/vnd.amazonaws.connect.event.message.read"
  | "application/vnd.amazonaws.connect.event.message.metadata"
  | "application/vnd.amazonaws.connect.event.connection.acknowledged"
  | "application/vnd.amazonaws.connect.event.participant.joined"
  | "application/vnd.amazonaws.connect.event.participant.left"
  | "application/vnd.amazonaws.connect.event.participant.invited"
  | "application/vnd.amazonaws.connect.event.participant.active"
  | "application/vnd.amazonaws.connect.event.participant.inactive"
  | "application/vnd.amazonaws.connect.event.participant.idle"
  | "application/vnd.amazonaws.connect.event.participant.returned"
  | "application/vnd.amazonaws.connect.event.participant.autodisconnection"
  | "application/vnd.amazonaws.connect.event.participant.displayname.updated"
  | "application/vnd.amazonaws.connect.event.transfer.succeeded"
  | "application/vnd.amazonaws.connect.event.transfer.failed"
  | "application/vnd.amazonaws.connect.event.chat.ended"
  | "application/vnd.amazonaws.connect.event.chat.rehydrated"
  | "application/vnd.amazonaws.connect.event.authentication.initiated"
  | "application/vnd.amazonaws.connect.event.authentication.succeeded"
  | "application/vnd.amazonaws.connect.event.authentication.failed"
  | "application/vnd.amazonaws.connect.event.authentication.timeout"
  | "application/vnd.amazonaws.connect.event.authentication.expired"
  | "application/vnd.amazonaws.connect.event.authentication.cancelled"
  | "application/vnd.amazonaws.connect.event.workflow.cancelled";

/** What every item may have. */
export interface ItemHead {
  /** Names the item in its chat. The parts of a streamed message share one. */
  readonly Id: string;
  /** When the service took it: ISO 8601 with milliseconds, in UTC. Compares as text. */
  readonly AbsoluteTime: string;
  /** The contact that it belongs to; it changes with a transfer. */
  readonly ContactId?: string;
  /** The chat that it belongs to; on the socket only. */
  readonly InitialContactId?: string;
  /** The contact that an item of an earlier chat belonged to. */
  readonly RelatedContactId?: string;
  readonly ParticipantId?: string;
  readonly ParticipantRole?: ParticipantRole;
  readonly DisplayName?: string;
  readonly MessageMetadata?: MessageMetadata;
}

/** What is known about a message besides its content. */
export interface MessageMetadata {
  readonly MessageId?: string;
  readonly Receipts?: readonly Receipt[];
  /** The number of this part of a streamed message, from 1. */
  readonly ChunkNumber?: number;
  readonly MessageCompleted?: boolean;
  readonly MessageProcessingStatus?: string;
}

/** How far a message has come with one participant. The times are ISO 8601. */
export interface Receipt {
  readonly DeliveredTimestamp?: string;
  readonly ReadTimestamp?: string;
  readonly RecipientParticipantId?: string;
}

/** A file. */
export interface Attachment {
  readonly AttachmentId?: string;
  readonly AttachmentName?: string;
  /** A MIME type. */
  readonly ContentType?: string;
  /** `APPROVED`, `REJECTED` or `IN_PROGRESS`. */
  readonly Status?: string;
}

/** A message with text: plain, Markdown, JSON, or one that a person answers by choosing. */
export interface MessageItem extends ItemHead {
  readonly Type: "MESSAGE";
  readonly ContentType: Exclude<MessageContentType, "application/vnd.amazonaws.connect.message.attachment">;
  readonly Content: string;
}

/** Files that were sent. */
export interface AttachmentItem extends ItemHead {
  readonly Type: "ATTACHMENT";
  readonly ContentType?: "application/vnd.amazonaws.connect.message.attachment";
  readonly Attachments: readonly Attachment[];
}

/** Receipts of a message; on the socket only. */
export interface ReceiptItem extends ItemHead {
  readonly Type: "MESSAGEMETADATA";
  readonly ContentType?: "application/vnd.amazonaws.connect.event.message.metadata";
  readonly MessageMetadata: MessageMetadata;
}

/** The customer is asked to sign in. */
export interface AuthenticationInitiatedItem extends ItemHead {
  readonly Type: "EVENT";
  readonly ContentType: "application/vnd.amazonaws.connect.event.authentication.initiated";
  /** JSON text with a `SessionId`. */
  readonly Content: string;
}

/** A participant has another name. */
export interface DisplayNameItem extends ItemHead {
  readonly Type: "EVENT";
  readonly ContentType: "application/vnd.amazonaws.connect.event.participant.displayname.updated";
  readonly DisplayName: string;
}

/** Any other event. */
export interface EventItem extends ItemHead {
  readonly Type: "EVENT";
  readonly ContentType: Exclude<
    EventContentType,
    AuthenticationInitiatedItem["ContentType"] | DisplayNameItem["ContentType"]
  >;
  readonly Content?: string;
}

/** An item, told apart by `Type` and `ContentType`. */
export type Item =
  MessageItem | AttachmentItem | ReceiptItem | AuthenticationInitiatedItem | DisplayNameItem | EventItem;
