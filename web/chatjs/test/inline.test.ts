import { expect, test } from "vitest";

import { decode, encode } from "../src/host/inline.js";

test("every byte survives, at every place", () => {
  const bytes = Uint8Array.from({ length: 1024 }, (_, at) => (at * 7 + (at >> 8)) & 255);
  expect(new Set(bytes).size).toBe(256);
  expect(decode(encode(bytes))).toEqual(bytes);
  expect(decode(encode(new Uint8Array(0)))).toEqual(new Uint8Array(0));
});

test("the text needs no escape, neither in a string nor in a page", () => {
  const text = encode(Uint8Array.from({ length: 256 }, (_, at) => at));
  expect(text).toMatch(/^[#-~]+$/);
  expect(text).not.toMatch(/[<\\]/);
});
