// Makes what the package consists of, in dist/.
//
//   node build/build.mjs [--minify] [--watch]
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import * as esbuild from "esbuild";

import { CORE, esbuildCore } from "./core.mjs";
import { check } from "./sizes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { name, version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** @satisfies {esbuild.BuildOptions} */
const usual = {
  absWorkingDir: root,
  bundle: true,
  outdir: "dist",
  target: "es2022",
  // Not one character that a page in another charset would read differently.
  charset: "ascii",
  legalComments: "none",
  banner: { js: `/*! ${name} ${version} | MIT OR Apache-2.0 */` },
  define: { VERSION: JSON.stringify(version) },
  plugins: [esbuildCore],
  sourcemap: true,
};

/**
 * For pages and engines without wasm. The oldest of those, Hermes for one, get what else they lack from the
 * bundler that packs for them.
 * @type {esbuild.BuildOptions}
 */
export const plain = { ...usual, entryPoints: ["src/js.ts"], target: "es2017", inject: ["src/host/utf8.ts"] };

/**
 * The classic script.
 * @type {esbuild.BuildOptions}
 */
export const classicScript = {
  ...usual,
  entryPoints: { "amazon-connect-chat": "src/script.ts" },
  format: "iife",
};

/** @type {readonly esbuild.BuildOptions[]} */
const MODULES = [
  { ...usual, entryPoints: ["src/index.ts", "src/slim.ts", "src/slim-node.ts"], format: "esm", external: ["node:*"] },
  { ...usual, entryPoints: ["src/index.ts"], format: "cjs", outExtension: { ".js": ".cjs" } },
  { ...plain, format: "esm" },
  { ...plain, format: "cjs", outExtension: { ".js": ".cjs" } },
];

/** Files that are taken as they are, by what they are called in dist/. */
const COPIES = {
  "chatloom.wasm": CORE,
  "LICENSE-APACHE": "../../LICENSE-APACHE",
  "LICENSE-MIT": "../../LICENSE-MIT",
};

/** In a source map the text of a core would help nobody and weigh more than all the rest. */
function withoutCore(/** @type {string} */ file) {
  const map = JSON.parse(readFileSync(file, "utf8"));
  /** @type {string[]} */
  const sources = map.sources;
  sources.forEach((source, at) => {
    if (source.startsWith("core:")) map.sourcesContent[at] = null;
  });
  writeFileSync(file, JSON.stringify(map));
}

function copy() {
  mkdirSync(path.join(root, "dist"), { recursive: true });
  for (const [to, from] of Object.entries(COPIES)) copyFileSync(path.resolve(root, from), path.join(root, "dist", to));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { minify: { type: "boolean" }, watch: { type: "boolean" } } });
  const parts = [classicScript, ...MODULES].map((part) => ({ ...part, minify: values.minify ?? false }));
  copy();
  if (values.watch) {
    for (const part of parts) await (await esbuild.context({ ...part, logLevel: "info" })).watch();
  } else {
    for (const { metafile } of await Promise.all(parts.map((part) => esbuild.build({ ...part, metafile: true })))) {
      for (const file in metafile.outputs) if (file.endsWith(".map")) withoutCore(path.join(root, file));
    }
    if (values.minify) check(path.join(root, "dist"));
  }
}
