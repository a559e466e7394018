/** Items that a page keeps. */
import type { Item } from "./core";

/** What successive items of a chat mostly agree in. */
const SHARED = ["ContentType", "ContactId", "InitialContactId", "ParticipantId", "DisplayName"] as const;

/** Has an item that will be kept use the texts of another one where they are the same: parsing made them anew. */
export function shareTexts(item: Item, other: Item): void {
  for (const name of SHARED) {
    const text = other[name];
    if (typeof text === "string" && item[name] === text) (item as Record<string, unknown>)[name] = text;
  }
}
