// Items of a chat as the service sends them.
import { START } from "./clock.mjs";
import { CONTACT } from "./page.mjs";

const EVENT = "application/vnd.amazonaws.connect.event.";

/** The content type of an event. */
export const event = (name) => EVENT + name;

export const TYPING = event("typing");
export const ENDED = event("chat.ended");
export const READ = event("message.read");
export const DELIVERED = event("message.delivered");

/** So many seconds after the beginning of a scenario, as the service writes it. */
export const time = (seconds) => new Date(START + 1000 * seconds).toISOString();

/** A message of the agent; `members` that are undefined are left out. */
export function message(number, members = {}) {
  return {
    AbsoluteTime: time(number),
    Content: `message ${number}`,
    ContentType: "text/plain",
    Id: `item-${number}`,
    Type: "MESSAGE",
    ParticipantId: "agent",
    DisplayName: "Ana",
    ParticipantRole: "AGENT",
    InitialContactId: CONTACT,
    ContactId: CONTACT,
    ...members,
  };
}

/** An event of the agent. */
export function happened(number, name, members = {}) {
  return message(number, {
    Type: "EVENT",
    ContentType: event(name),
    Content: undefined,
    ...members,
  });
}

/** The end of the chat. */
export const ended = (number = 900) =>
  happened(number, "chat.ended", {
    ParticipantId: undefined,
    DisplayName: undefined,
    ParticipantRole: undefined,
  });

/** Somebody read a message, or got it. */
export function receipt(number, messageId, receipts, members = {}) {
  return {
    AbsoluteTime: time(number),
    Id: `receipt-${number}`,
    Type: "MESSAGEMETADATA",
    InitialContactId: CONTACT,
    ContactId: CONTACT,
    MessageMetadata: { MessageId: messageId, Receipts: receipts },
    ...members,
  };
}

/** A part of a message that a bot streams. */
export function chunk(id, number, content, members = {}) {
  return message(number, {
    Id: id,
    Content: content,
    ParticipantId: "bot",
    ParticipantRole: "SYSTEM",
    DisplayName: "BOT",
    MessageMetadata: { MessageId: id, MessageCompleted: false, ChunkNumber: number },
    ...members,
  });
}

/** The whole of such a message. */
export function whole(id, number, content, members = {}) {
  return chunk(id, number, content, {
    MessageMetadata: { MessageId: id, MessageCompleted: true, ChunkNumber: number },
    ...members,
  });
}
