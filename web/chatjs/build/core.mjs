// Brings the browser core into the modules that import it, in each of the forms that src/types.d.ts lists.
// One hook for esbuild, which makes the package, and one for Vite, which runs the tests.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { encode } from "../src/host/inline.js";
import { module as translatedModule } from "./translated.mjs";

/** A file that `cargo xtask web` leaves. */
const built = (/** @type {string} */ name) => fileURLToPath(new URL(`../../../target/wasm/${name}`, import.meta.url));

/** The core that every page loads. */
export const CORE = built("chatloom.wasm");
/** The one with Chatloom behaviour. */
export const FULL_CORE = built("chatloom-full.wasm");

const inlined = (/** @type {string} */ file) => `export default ${JSON.stringify(encode(readFileSync(file)))}`;
const translated = (/** @type {string} */ file) => translatedModule(readFileSync(file, "utf8"));

/**
 * Each module, the file that it is made of, and how.
 * @type {Record<string, { file: string, text: (file: string) => string } | undefined>}
 */
const MODULES = {
  "chatloom:core": { file: CORE, text: inlined },
  "chatloom:core-full": { file: FULL_CORE, text: inlined },
  "chatloom:core-js": { file: built("chatloom.js"), text: translated },
  "chatloom:core-full-js": { file: built("chatloom-full.js"), text: translated },
};
const NAME = /^chatloom:core/;

/** The text of a module, and the file that it is made of. */
function moduleOf(/** @type {string} */ name) {
  const found = MODULES[name];
  if (!found) throw new Error(`there is no module ${name}`);
  const { file, text } = found;
  if (!existsSync(file)) throw new Error(`there is no ${file}: run \`cargo xtask web\` first`);
  return { contents: text(file), watchFiles: [file] };
}

/** @type {import("esbuild").Plugin} */
export const esbuildCore = {
  name: "chatloom:core",
  setup(build) {
    build.onResolve({ filter: NAME }, ({ path }) => ({ path, namespace: "core" }));
    build.onLoad({ filter: NAME, namespace: "core" }, ({ path }) => moduleOf(path));
  },
};

/** @type {import("vite").Plugin} */
export const viteCore = {
  name: "chatloom:core",
  enforce: "pre",
  resolveId: (id) => (NAME.test(id) ? `\0${id}` : undefined),
  load: (id) => (id.startsWith("\0chatloom:core") ? moduleOf(id.slice(1)).contents : undefined),
};
