/**
 * Bytes as text inside a script.
 *
 * One character for a byte below 88, two for any other; only printable ASCII that needs no escape
 * in a string and cannot end a script element. So the text is the same in every charset and a
 * compressor still sees the bytes: after gzip it costs 1.02 times the bytes themselves, where
 * hexadecimal digits cost 1.10 and base64 1.32.
 *
 * Plain JavaScript, because the build uses it too.
 */

/** The characters `#` to `~` without `<` and `\`. */
const DIGITS = 90;
/** Of those the first two stand before a second one. */
const PREFIXES = 2;
const SINGLES = DIGITS - PREFIXES;

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function encode(bytes) {
  let text = "";
  for (const byte of bytes) {
    if (byte < SINGLES) {
      text += character(byte + PREFIXES);
    } else {
      const rest = byte - SINGLES;
      text += character(Math.floor(rest / DIGITS)) + character(rest % DIGITS);
    }
  }
  return text;
}

/**
 * Reads the text with a program in wasm: a page that starts runs JavaScript slowly, and would spend more
 * time on this loop than on all the rest of its start.
 *
 * @param {string} text what `encode` made
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function decode(text) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(DECODER));
  const { memory, decode } = /** @type {{ memory: WebAssembly.Memory, decode(length: number): number }} */ (exports);
  memory.grow(Math.ceil(text.length / PAGE));
  const bytes = new Uint8Array(memory.buffer);
  new TextEncoder().encodeInto(text, bytes);
  return bytes.subarray(0, decode(text.length));
}

/** Of a wasm memory. */
const PAGE = 65_536;

// prettier-ignore
/** A module whose function `decode` turns the text at the start of its memory into the bytes, in place. */
const DECODER = Uint8Array.of(
  0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  // Types: from i32 to i32. Functions: `digit` and `decode`, both of that type. A memory.
  1, 6, 1, 0x60, 1, 0x7f, 1, 0x7f,
  3, 3, 2, 0, 0,
  5, 3, 1, 0, 0,
  // Exports: "memory" and "decode".
  7, 19, 2, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2, 0, 6, 0x64, 0x65, 0x63, 0x6f, 0x64, 0x65, 0, 1,
  10, 112, 2,
  // digit(at): code = memory[at]
  27, 1, 1, 0x7f, 0x20, 0, 0x2d, 0, 0, 0x22, 1,
  // code - 35 - (code > 60) - (code > 92)
  0x41, 35, 0x6b, 0x20, 1, 0x41, 60, 0x4b, 0x6b, 0x20, 1, 0x41, 0xdc, 0, 0x4b, 0x6b, 0x0b,
  // decode(length), with at, out and value, all 0: block: loop: leave if at >= length
  82, 1, 3, 0x7f, 2, 0x40, 3, 0x40, 0x20, 1, 0x20, 0, 0x4f, 0x0d, 1,
  // value = digit(at) - PREFIXES; if value < 0:
  0x20, 1, 0x10, 0, 0x41, 2, 0x6b, 0x22, 3, 0x41, 0, 0x48, 4, 0x40,
  // value = (value + PREFIXES) * DIGITS + digit(at += 1) + SINGLES
  0x20, 3, 0x41, 2, 0x6a, 0x41, 0xda, 0, 0x6c, 0x20, 1, 0x41, 1, 0x6a, 0x22, 1, 0x10, 0, 0x6a,
  0x41, 0xd8, 0, 0x6a, 0x21, 3, 0x0b,
  // memory[out] = value; out += 1; at += 1; again
  0x20, 2, 0x20, 3, 0x3a, 0, 0, 0x20, 2, 0x41, 1, 0x6a, 0x21, 2, 0x20, 1, 0x41, 1, 0x6a, 0x21, 1,
  0x0c, 0, 0x0b, 0x0b,
  // out
  0x20, 2, 0x0b,
);

/** @param {number} value */
function character(value) {
  let code = 35 + value;
  if (code >= 60) code++;
  if (code >= 92) code++;
  return String.fromCharCode(code);
}
