/** When an item crosses into the core, and when what the core said before holds for it. */
import { describe, expect, test } from "vitest";

import { APPENDED, Core } from "../src/host/core";
import { smallCore } from "../src/host/small";
import type { Exports } from "../src/host/wasm";

/** A core that answers all items alike and keeps what it was told of them. */
function told(answer: number) {
  const buffer = new ArrayBuffer(1 << 16);
  const heads: string[] = [];
  const exports: Exports = {
    memory: { buffer },
    start: (smallCore.load() as Exports).start,
    input: () => 0,
    handle: () => 0,
    item(count, source) {
      const lengths = new Float64Array(buffer, 0, count);
      // The second, a content type, is a number.
      const length = lengths.reduce((sum, length, at) => sum + (at === 1 ? 0 : length + 1 || 0), 0);
      heads.push(`${source} ${new TextDecoder().decode(new Uint8Array(buffer, 8 * count, length))} ${lengths.join()}`);
      return answer;
    },
    output: () => 0,
  };
  return { core: new Core(exports), heads };
}

const ITEM = { Type: "MESSAGE", ContentType: "text/plain", ContactId: "c", InitialContactId: "i", Content: "Hello" };
const HEAD = "MESSAGE\0c\0i\0 7,0,1,1,NaN";

describe.each([33, 0])("an item that the core answers with %i", (answer) => {
  test("is answered for those like it", () => {
    const { core, heads } = told(answer);
    for (const Content of ["Hello", "again", "and again"]) {
      expect(core.item(1, 7, { ...ITEM, Content }, "recipient")).toBe(answer);
    }
    expect(heads).toEqual([`1 ${HEAD}`]);
  });

  test.each([
    ["Type", "EVENT"],
    ["ContentType", "text/markdown"],
    ["ContactId", "other"],
    ["InitialContactId", "other"],
    ["RelatedContactId", "other"],
  ])("is not answered for one of another %s", (name, value) => {
    const { core, heads } = told(answer);
    core.item(1, 7, ITEM, "recipient");
    core.item(1, 8, { ...ITEM, [name]: value }, "recipient");
    core.item(1, 9, ITEM, "recipient");
    expect(heads).toHaveLength(3);
    expect(heads[2]).toBe(heads[0]);
  });

  test("is not answered for one from elsewhere, after anything else, or when more of it matters", () => {
    const { core, heads } = told(answer);
    core.item(1, 7, ITEM, "recipient");
    core.item(-1, 8, ITEM, "recipient");
    core.handle({ type: "time" });
    core.item(-1, 9, ITEM, "recipient");
    core.item(-1, 10, ITEM, "whole");
    core.item(-1, 11, { ...ITEM, MessageMetadata: { MessageId: "m" } }, "recipient");
    core.item(-1, 12, ITEM, "recipient");
    expect(heads.map((head) => head.split(" ")[0])).toEqual(["1", "-1", "-1", "-1", "-1", "-1"]);
  });
});

test("an item that more follows is told each time", () => {
  const { core, heads } = told(-5);
  for (const handle of [7, 8]) expect(core.item(1, handle, ITEM, "recipient")).toBe(-5);
  expect(heads).toEqual([`1 ${HEAD}`, `1 ${HEAD}`]);
});

test("an item that becomes an entry is told each time, with its id and its time", () => {
  const { core, heads } = told(33 + APPENDED);
  for (const Id of ["a", "b"]) expect(core.item(1, 7, { ...ITEM, Id, AbsoluteTime: "2026" }, "entry")).toBe(65);
  core.item(1, 8, { ...ITEM, Id: 3 }, "entry");
  expect(heads).toEqual([
    "1 MESSAGE\0c\0i\0a\x002026\0 7,0,1,1,NaN,1,4",
    "1 MESSAGE\0c\0i\0b\x002026\0 7,0,1,1,NaN,1,4",
    `1 ${HEAD},NaN,NaN`,
  ]);
});

test("of an item with metadata all is told", () => {
  const { core, heads } = told(0);
  core.item(1, 7, { ...ITEM, MessageMetadata: { MessageId: "m" } }, "entry");
  expect(heads[0]).toContain("m\0");
  expect(heads[0]?.split(" ").at(-1)).toBe("7,0,1,1,NaN,NaN,NaN,NaN,NaN,NaN,NaN,0,1");
});

test("two halves of a character in two texts stay two", () => {
  const { core, heads } = told(0);
  core.item(1, 7, { Type: "\ud83d", ContactId: "\ude00x" }, "recipient");
  expect(heads).toEqual(["1 \ufffd\0\ufffdx\0 3,NaN,4,NaN,NaN"]);
});
