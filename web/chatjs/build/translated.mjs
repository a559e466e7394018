// The browser core as `wasm2js` writes it, made into a module of which there can be many instances.

/** What stands at the end: one instance, and its members as exports. */
const END = /\nvar retasmFunc = asmFunc\(\{\s*\}\);\n(?:export var \w+ = retasmFunc\.\w+;\s*)+$/;
/** The end of a growth of the memory. */
const GROWN = "buffer = newBuffer;\n   bufferView = HEAPU8;";
/** The object that stands for the memory. */
const MEMORY = '"memory": Object.create(Object.prototype, {';

/**
 * @param {string} text what `wasm2js` wrote
 * @returns {string} a module that exports `instantiate`
 */
export function module(text) {
  const body = replaced(text, END, "\nreturn asmFunc({});\n");
  // When a wasm memory grows, views of its old buffer become empty. No engine without wasm can do that to a
  // buffer of its own, so whoever holds views is told.
  const told = replaced(body, GROWN, `${GROWN}\n   memory.grown();`);
  const named = replaced(
    told,
    MEMORY,
    '"memory": memory = Object.create(Object.prototype, { "grown": { "writable": true, "value": function () {} },',
  );
  return `export function instantiate() {\nvar memory;\n${named}}\n`;
}

/**
 * @param {string} text
 * @param {string | RegExp} what stands in it once
 * @param {string} by
 */
function replaced(text, what, by) {
  const parts = text.split(what);
  if (parts.length !== 2) throw new Error(`wasm2js writes something else than it did: look for ${what}`);
  return parts.join(by);
}
