/** Items that a page keeps. */
import { expect, test } from "vitest";

import { shareTexts } from "../src/host/items";

test("an item that shares texts with another one is as it was", () => {
  const other = { ContactId: "c", InitialContactId: "i", ParticipantId: "p", ContentType: 1 };
  const items = [
    { ContactId: "c", InitialContactId: "other", Content: "Hello" },
    { ContactId: "", ParticipantId: "p", ContentType: 1 },
    {},
  ];
  for (const item of items) {
    const before = structuredClone(item);
    shareTexts(item, other);
    expect(item).toStrictEqual(before);
    shareTexts(item, {});
    expect(item).toStrictEqual(before);
  }
});
