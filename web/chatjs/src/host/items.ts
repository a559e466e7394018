/** Items in frames and in what socket managers bring. */
import type { Item } from "./core";

/** Frames of this topic carry an item. */
const CHAT_TOPIC = "aws/chat";

/** The text of the item in a frame, if it has one. */
export function contentOf(frame: string): string | undefined {
  try {
    const { topic, content } = JSON.parse(frame) as { topic?: unknown; content?: unknown };
    return topic === CHAT_TOPIC && typeof content === "string" ? content : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The item; `undefined` when it cannot be read, and for a part of a streamed message, whose text the core has to
 * read as well.
 */
export function itemOf(text: string | undefined): Item | undefined {
  if (text === undefined) return undefined;
  try {
    const item = JSON.parse(text) as Item | null;
    if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
    const metadata = item["MessageMetadata"] as Item | undefined;
    return metadata && (metadata["MessageCompleted"] ?? null) !== null ? undefined : item;
  } catch {
    return undefined;
  }
}

/** What successive items of a chat mostly agree in. */
const SHARED = ["ContentType", "ContactId", "InitialContactId", "ParticipantId", "DisplayName"] as const;

/** Has an item that will be kept use the texts of another one where they are the same: parsing made them anew. */
export function shareTexts(item: Item, other: Item): void {
  for (const name of SHARED) {
    const text = other[name];
    if (typeof text === "string" && item[name] === text) (item as Record<string, unknown>)[name] = text;
  }
}
