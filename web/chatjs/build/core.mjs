// Puts the browser core into the script: the module "chatloom:core" is its bytes as text. One hook
// for esbuild, which makes the package, and one for Vite, which runs the tests.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { encode } from "../src/host/inline.js";

const NAME = "chatloom:core";

/** Where `cargo xtask wasm` leaves the core. */
export const CORE = fileURLToPath(new URL("../../../target/wasm/chatloom.wasm", import.meta.url));

/** The text of the module. */
export function coreModule() {
  if (!existsSync(CORE)) {
    throw new Error(`there is no ${CORE}: run \`cargo xtask wasm\` first`);
  }
  return `export default ${JSON.stringify(encode(readFileSync(CORE)))}`;
}

/** @type {import("esbuild").Plugin} */
export const esbuildCore = {
  name: NAME,
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${NAME}$`) }, () => ({ path: NAME, namespace: NAME }));
    build.onLoad({ filter: /.*/, namespace: NAME }, () => ({ contents: coreModule(), watchFiles: [CORE] }));
  },
};

/** @type {import("vite").Plugin} */
export const viteCore = {
  name: NAME,
  enforce: "pre",
  resolveId: (id) => (id === NAME ? `\0${NAME}` : undefined),
  load: (id) => (id === `\0${NAME}` ? coreModule() : undefined),
};
