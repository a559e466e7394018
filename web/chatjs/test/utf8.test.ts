/** Text as UTF-8 and back, beside what the engine does itself. */
import { expect, test } from "vitest";

import { Utf8Decoder, Utf8Encoder } from "../src/host/utf8";

const encoder = new Utf8Encoder();
const decoder = new Utf8Decoder();

/** Each length of a character, at its limits. */
const WHOLE = "\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}";

test("every length of a character is written and read as the engine does", () => {
  expect(encoder.encode(WHOLE)).toEqual(new TextEncoder().encode(WHOLE));
  expect(decoder.decode(encoder.encode(WHOLE))).toBe(WHOLE);
});

test("half a character becomes the mark of an error", () => {
  for (const odd of ["\ud800", "a\udc00b", "\ud800\ud800\udc00", "\udfff\ud800x"]) {
    expect(encoder.encode(odd)).toEqual(new TextEncoder().encode(odd));
  }
});

test("a text is written where it shall be, and long ones are read whole", () => {
  const place = new Uint8Array(16).fill(7);
  expect(encoder.encodeInto("\u00e4b", place.subarray(2))).toEqual({ written: 3 });
  expect([...place.subarray(0, 6)]).toEqual([7, 7, 0xc3, 0xa4, 0x62, 7]);
  const long = WHOLE.repeat(5000);
  expect(decoder.decode(new TextEncoder().encode(long))).toBe(long);
});
