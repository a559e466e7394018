// What the parts of the package weigh on the network, and what they may. Node's zlib and brotli are what web
// servers use.
import { readFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** What amazon-connect-chatjs 5.0.0 weighs. */
const ORIGINAL = { gzip: 76_566, brotli: 63_432 };

const COMPRESSORS = {
  gzip: (/** @type {Uint8Array} */ bytes) => gzipSync(bytes, { level: 9 }).length,
  brotli: (/** @type {Uint8Array} */ bytes) => brotliCompressSync(bytes).length,
};

/**
 * What is loaded together, how it is measured, and the most it may weigh, of the original.
 * @type {readonly { name: string, files: string[], by: keyof typeof COMPRESSORS, most: number }[]}
 */
const BUDGETS = [
  { name: "classic script", files: ["amazon-connect-chat.js"], by: "gzip", most: 0.73 },
  { name: "slim, with its wasm", files: ["slim.js", "chatloom.wasm"], by: "brotli", most: 0.7 },
  { name: "js", files: ["js.js"], by: "gzip", most: 0.95 },
];

/** Prints what each weighs; throws if one weighs too much. */
export function check(/** @type {string} */ folder) {
  const heavy = [];
  for (const { name, files, by, most } of BUDGETS) {
    const size = files.reduce((sum, file) => sum + COMPRESSORS[by](readFileSync(path.join(folder, file))), 0);
    const budget = Math.floor(most * ORIGINAL[by]);
    const of = (size / ORIGINAL[by]).toFixed(2);
    console.log(`    ${name}: ${size} bytes after ${by}, ${of} of the original, at most ${most} (${budget})`);
    if (size > budget) heavy.push(`${name} by ${size - budget}`);
  }
  if (heavy.length > 0) throw new Error(`over the budget: ${heavy.join(", ")} bytes`);
}
