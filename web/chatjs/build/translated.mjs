// The browser core as `wasm2js` writes it, made into a module of which there can be many instances.

/** What stands at the end: one instance, and its members as exports. */
const END = /\nvar retasmFunc = asmFunc\(\{\s*\}\);\n(?:export var \w+ = retasmFunc\.\w+;\s*)+$/;
/** The end of a growth of the memory. */
const GROWN = "buffer = newBuffer;\n   bufferView = HEAPU8;";
/** A map of the first line alone: what the rest was made of, no debugger could show. */
const MAP = { version: 3, sources: ["core:wasm2js"], sourcesContent: [null], names: [], mappings: "AAAA" };
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
  const comment = `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(MAP)).toString("base64")}`;
  return `export function instantiate() {\nvar memory;\n${named}}\n${comment}\n`;
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
