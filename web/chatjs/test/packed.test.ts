/** The form in which the core is a file of its own. */
import { brotliCompressSync } from "node:zlib";

import full from "chatloom:core-full";
import small from "chatloom:core";
import { expect, test } from "vitest";

import * as kinds from "../src/chatloom/kinds";
import { addKinds } from "../src/host/border";
import { Core } from "../src/host/core";
import { decode } from "../src/host/inline.js";
import { pack, unpack } from "../src/host/packed.js";
import type { Exports } from "../src/host/wasm";

addKinds(kinds);

test.each([
  ["small", small],
  ["full", full],
])("the %s core survives it", async (_, text) => {
  const wasm = decode(text);
  const packed = pack(wasm);
  expect(brotliCompressSync(packed).length).toBeLessThan(0.92 * brotliCompressSync(wasm).length);
  const unpacked = unpack(await WebAssembly.compile(packed));
  // The same but for the numbers of bytes that stand before functions, which are as long as they can be.
  expect(pack(unpacked!)).toEqual(packed);
  const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(unpacked!));
  const core = new Core(exports as unknown as Exports);
  core.handle({
    type: "create",
    session: 1,
    endpoint: "https://example.com",
    contactId: "c",
    initialContactId: "c",
    participantId: "p",
    participantToken: "t",
    userAgent: "",
  });
  expect(core.handle({ type: "connect", session: 1, call: 2 })[0]).toMatchObject({
    type: "http",
    operation: "CreateParticipantConnection",
    headers: { "x-amz-bearer": "t" },
  });
});

test("a module that is not packed is left as it is", async () => {
  expect(unpack(await WebAssembly.compile(decode(small)))).toBeUndefined();
});

/** A module with one function. */
const withBody = (...body: number[]) =>
  // prettier-ignore
  Uint8Array.of(
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    1, 5, 1, 0x60, 0, 1, 0x7f,
    3, 2, 1, 0,
    7, 5, 1, 1, 0x66, 0, 0,
    10, body.length + 3, 1, body.length + 1, 0, ...body,
  );

test.each([
  ["a number of several bytes", 42, [0x41, 0xaa, 0x80, 0x80, 0x00, 0x0b]],
  // A float of eight bytes, 2.5, as an integer.
  ["a float", 2, [0x44, 0, 0, 0, 0, 0, 0, 0x04, 0x40, 0xfc, 0x02, 0x0b]],
  // Of three blocks the second one is left.
  ["a table of jumps", 7, [0x02, 0x40, 0x02, 0x40, 0x41, 1, 0x0e, 1, 0, 1, 0x0b, 0x0b, 0x41, 7, 0x0b]],
])("code with %s survives it", async (_, result, body) => {
  const unpacked = unpack(await WebAssembly.compile(pack(withBody(...body))));
  const { exports } = await WebAssembly.instantiate(await WebAssembly.compile(unpacked!));
  expect((exports["f"] as () => number)()).toBe(result);
});

test("an instruction that is not known is no reason to make something else of the code", () => {
  // One of vectors, with the 16 bytes of its constant.
  expect(() => pack(withBody(0xfd, 12, ...Array<number>(16).fill(0x0b), 0x0b))).toThrow("not known");
});
