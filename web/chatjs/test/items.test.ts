/** Items in frames. */
import { expect, test } from "vitest";

import { contentOf, itemOf, shareTexts } from "../src/host/items";

test("a frame of the chat has an item, others have none", () => {
  const item = { Id: "i", Type: "MESSAGE", Content: "Hello" };
  const frame = (topic: unknown, content: unknown) => JSON.stringify({ topic, content });
  expect(itemOf(contentOf(frame("aws/chat", JSON.stringify(item))))).toEqual(item);
  for (const other of [
    frame("aws/heartbeat", JSON.stringify(item)),
    frame("aws/chat", item),
    frame("aws/chat", "[]"),
    frame("aws/chat", "null"),
    frame("aws/chat", "Hello"),
    "null",
    "{",
  ]) {
    expect(itemOf(contentOf(other)), other).toBeUndefined();
  }
});

test("a part of a streamed message is read by the core", () => {
  const item = (metadata: unknown) => itemOf(JSON.stringify({ Id: "i", MessageMetadata: metadata }));
  expect(item({ MessageCompleted: false })).toBeUndefined();
  expect(item({ MessageCompleted: true })).toBeUndefined();
  expect(item({ MessageId: "m" })).toBeDefined();
  expect(item(null)).toBeDefined();
});

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
