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
    list
      .update(steps, undefined)()
      .transcript.map(({ Id }) => Id);
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
  const { transcript } = new Transcript("CUSTOMER").update([{ type: "insert", at: 0, key: 1, body }], undefined)();
  const [listed] = transcript as [Item];
  expect(Object.getPrototypeOf(listed)).toBe(Object.prototype);
  expect(listed["Type"]).toBeUndefined();
  expect(Object.keys(listed)).toEqual(["Id", "Content", "__proto__", "serializedContent"]);
  expect(listed["serializedContent"]).toBe(JSON.stringify(body));
});

test("s139: a list is as it was when it was told, whatever has become of it until it is given", () => {
  const list = new Transcript("CUSTOMER");
  const item = (Id: string): Item => ({ Id, Type: "MESSAGE" });
  const told = [
    list.update([{ type: "insert", at: 0, key: 1, body: item("b") }], ""),
    list.append({ type: "appended", body: item("c") }),
    list.update([{ type: "insert", at: 0, key: 3, body: item("a") }], "older"),
    list.append({ type: "appended", body: item("d") }),
    list.update([{ type: "remove", at: 1 }], undefined),
  ];
  const given = told.map((list) => list());
  expect(given.map(({ transcript }) => transcript.map(({ Id }) => Id).join(""))).toEqual([
    "b",
    "bc",
    "abc",
    "abcd",
    "acd",
  ]);
  expect(given.map((data) => data.previousTranscriptNextToken)).toEqual([undefined, undefined, "older", "older", null]);
  // The entries are shared, the lists are not.
  expect(given[1]?.transcript[1]).toBe(given[3]?.transcript[2]);
  given[0]?.transcript.push({});
  expect(told[0]?.().transcript).toHaveLength(1);
});
