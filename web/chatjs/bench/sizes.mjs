// Bytes of what the package ships and of what the original ships.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";

const dist = (name) => fileURLToPath(new URL(`../dist/${name}`, import.meta.url));

export const CLASSIC = dist("amazon-connect-chat.js");
export const ORIGINAL = createRequire(import.meta.url).resolve("amazon-connect-chatjs/dist/amazon-connect-chat.js");

/**
 * What a page loads: its name, its files, and the bound, which is at most so many times the original's
 * size in this form.
 */
const ARTEFACTS = [
  { name: "classic script", files: ["amazon-connect-chat.js"], form: "gzip", bound: 1 },
  { name: "  Chatloom behaviour", files: ["amazon-connect-chat.chatloom.js"] },
  { name: "module", files: ["index.js"] },
  { name: "  Chatloom behaviour", files: ["chatloom.js"] },
  { name: "./slim, with its wasm", files: ["slim.js", "chatloom.wasm"], form: "brotli", bound: 0.7 },
  { name: "  its wasm alone", files: ["chatloom.wasm"] },
  { name: "./js", files: ["js.js"], form: "gzip", bound: 1.3 },
  { name: "  Chatloom behaviour", files: ["chatloom-js.js"] },
];

/** The sizes of all that is there. */
export function sizes() {
  const original = sizeOf([ORIGINAL]);
  const ours = ARTEFACTS.map(({ name, files, form, bound }) => {
    const size = sizeOf(files.map(dist));
    return { name, ...size, ...(form && { form, bound, ratio: size[form] / original[form] }) };
  });
  return [{ name: "amazon-connect-chatjs 5.0.0", ...original }, ...ours];
}

/** Compressed one by one, as they travel. */
function sizeOf(files) {
  const contents = files.map((file) => readFileSync(file));
  const sum = (size) => contents.reduce((sum, bytes) => sum + size(bytes), 0);
  return {
    raw: sum((bytes) => bytes.length),
    gzip: sum((bytes) => gzipSync(bytes, { level: 9 }).length),
    brotli: sum((bytes) => brotliCompressSync(bytes).length),
  };
}
