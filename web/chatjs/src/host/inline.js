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
 * @param {string} text what `encode` made
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function decode(text) {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    let value = digit(text.charCodeAt(at)) - PREFIXES;
    if (value < 0) value = SINGLES + (value + PREFIXES) * DIGITS + digit(text.charCodeAt(++at));
    bytes[length++] = value;
  }
  return bytes.subarray(0, length);
}

/** @param {number} value */
function character(value) {
  let code = 35 + value;
  if (code >= 60) code++;
  if (code >= 92) code++;
  return String.fromCharCode(code);
}

/** @param {number} code */
function digit(code) {
  return code - 35 - (code > 60 ? 1 : 0) - (code > 92 ? 1 : 0);
}
