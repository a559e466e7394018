/**
 * Text as UTF-8 and back, where the engine may not be able to (Hermes could not for long). The build puts these
 * two in the place of the engine's own in the entry `./js`.
 */

/** As much of a `TextEncoder` as the core needs. */
export class Utf8Encoder {
  encode(text: string): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(3 * text.length);
    return bytes.slice(0, this.encodeInto(text, bytes).written);
  }

  /** `bytes` has room for three bytes for each unit of the text. Half a character becomes U+FFFD. */
  encodeInto(text: string, bytes: Uint8Array): { written: number } {
    let to = 0;
    for (let at = 0; at < text.length; at++) {
      let code = text.charCodeAt(at);
      if (code < 0x80) {
        bytes[to++] = code;
        continue;
      }
      if (code >= 0xd800 && code < 0xe000) {
        const low = code < 0xdc00 ? text.charCodeAt(at + 1) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          at++;
        } else {
          code = 0xfffd;
        }
      }
      if (code < 0x800) {
        bytes[to++] = 0xc0 | (code >> 6);
      } else {
        if (code < 0x10000) {
          bytes[to++] = 0xe0 | (code >> 12);
        } else {
          bytes[to++] = 0xf0 | (code >> 18);
          bytes[to++] = 0x80 | ((code >> 12) & 63);
        }
        bytes[to++] = 0x80 | ((code >> 6) & 63);
      }
      bytes[to++] = 0x80 | (code & 63);
    }
    return { written: to };
  }
}

/** As much of a `TextDecoder` as the core needs. */
export class Utf8Decoder {
  /** The core writes UTF-8 without an error in it. */
  decode(bytes: Uint8Array): string {
    const parts: string[] = [];
    let part: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const first = bytes[at++]!;
      if (first < 0x80) {
        part.push(first);
      } else {
        const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        let code = first & (0x3f >> more);
        for (const end = at + more; at < end; at++) code = (code << 6) | (bytes[at]! & 63);
        if (code < 0x10000) part.push(code);
        else part.push(0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff));
      }
      // As many arguments as any engine takes.
      if (part.length >= 4096) {
        parts.push(String.fromCharCode(...part));
        part = [];
      }
    }
    parts.push(String.fromCharCode(...part));
    return parts.join("");
  }
}

const engine = globalThis as unknown as { TextEncoder?: typeof Utf8Encoder; TextDecoder?: typeof Utf8Decoder };

export const TextEncoder = engine.TextEncoder ?? Utf8Encoder;
export const TextDecoder = engine.TextDecoder ?? Utf8Decoder;
