/** The list of `onTranscriptUpdated`, from what the core says of it. */
import { expect, test } from "vitest";

import { Transcript } from "../src/api/transcript";
import type { Entry, Item } from "../src/host/core";

const message = (key: number, also: Partial<Entry> = {}): Entry => ({
  key,
  contentType: "text/plain",
  content: `text ${key}`,
  state: "sending",
  ...also,
});

test("s142: an entry that moves keeps its id, and what has gone is not remembered", () => {
  const list = new Transcript("CUSTOMER");
  const add = (at: number, key: number) => ({ type: "insert" as const, at, ...message(key) });
  const ids = (steps: Parameters<Transcript["update"]>[0]) =>
    list.update(steps, undefined).transcript.map(({ Id }) => Id);
  const [one, two] = ids([add(0, 1), add(1, 2)]);
  expect(ids([{ type: "remove", at: 0 }, add(1, 1)])).toEqual([two, one]);

  // The core gives each key once; who had it would be there still if the list remembered it.
  expect(ids([{ type: "remove", at: 1 }])).toEqual([two]);
  const [, again] = ids([add(1, 1)]);
  expect(again).toEqual(expect.stringMatching(/^[\da-f]{8}-/));
  expect(again).not.toBe(one);
});

test("a member of an item that is called __proto__ is a member of what is listed", () => {
  const body = JSON.parse('{"Id":"1","Content":"x","__proto__":{"Type":"EVENT"}}') as Item;
  const { transcript } = new Transcript("CUSTOMER").update([{ type: "insert", at: 0, key: 1, body }], undefined);
  const [listed] = transcript as [Item];
  expect(Object.getPrototypeOf(listed)).toBe(Object.prototype);
  expect(listed["Type"]).toBeUndefined();
  expect(Object.keys(listed)).toEqual(["Id", "Content", "__proto__", "serializedContent"]);
  expect(listed["serializedContent"]).toBe(JSON.stringify(body));
});
