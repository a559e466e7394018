// Makes what the package consists of, in dist/.
//
//   node build/build.mjs [--minify] [--watch]
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import * as esbuild from "esbuild";
import { minify } from "terser";

import { pack } from "../src/host/packed.js";
import { CORE, esbuildCore } from "./core.mjs";
import { check } from "./sizes.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { name, version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/**
 * What is imported later is a file of its own, by what is imported.
 * @type {Record<string, string | undefined>}
 */
const LATER = { "./chatloom/index": "chatloom", "./chatloom/js": "chatloom-js", "./host/clients": "clients" };

/**
 * Names such a file, with the ending of the file that imports it.
 * @returns {esbuild.Plugin}
 */
const later = (/** @type {string} */ ending) => ({
  name: "later",
  setup(build) {
    build.onResolve({ filter: /^\.\// }, ({ kind, path }) => {
      const file = LATER[path];
      return kind === "dynamic-import" && file ? { path: `./${file}${ending}`, external: true } : undefined;
    });
  },
});

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

/**
 * The file that it loads for Chatloom behaviour.
 * @type {esbuild.BuildOptions}
 */
export const chatloomScript = {
  ...usual,
  entryPoints: { "amazon-connect-chat.chatloom": "src/chatloom/script.ts" },
  format: "iife",
};

/** @type {esbuild.BuildOptions} */
const esm = { format: "esm", plugins: [esbuildCore, later(".js")] };
/** @type {esbuild.BuildOptions} */
const cjs = {
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  // `require`, in a promise: not all that read CommonJS know the other.
  supported: { "dynamic-import": false },
  plugins: [esbuildCore, later(".cjs")],
};

/** @type {readonly esbuild.BuildOptions[]} */
export const modules = [
  { ...usual, ...esm, entryPoints: ["src/index.ts", "src/slim.ts", "src/slim-node.ts"], external: ["node:*"] },
  { ...usual, ...esm, entryPoints: { chatloom: "src/chatloom/index.ts", clients: "src/host/clients.ts" } },
  { ...usual, ...cjs, entryPoints: ["src/index.ts"] },
  { ...usual, ...cjs, entryPoints: { chatloom: "src/chatloom/index.ts" } },
  { ...plain, ...esm },
  { ...plain, ...esm, entryPoints: { "chatloom-js": "src/chatloom/js.ts" } },
  { ...plain, ...cjs },
  { ...plain, ...cjs, entryPoints: { "chatloom-js": "src/chatloom/js.ts" } },
];

/** The typings, which are written once for both kinds of modules; the global is neither. */
const TYPES = ["index", "item", "behaviour", "slim", "js"];

/** Files that are taken as they are, by what they are called in dist/. */
const COPIES = {
  "LICENSE-APACHE": "../../LICENSE-APACHE",
  "LICENSE-MIT": "../../LICENSE-MIT",
};

/**
 * The package with the file for Chatloom behaviour already there when a session asks for it: a module is loaded
 * once, whoever names it.
 */
const EAGER = {
  "eager.js": 'import "./chatloom.js";\nexport * from "./index.js";\n',
  "eager.cjs": 'require("./chatloom.cjs");\nmodule.exports = require("./index.cjs");\n',
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

/** What a page loads first of all: what esbuild has made small is made smaller still, by 3 % after brotli. */
const SMALLER = ["slim.js", "index.js", "amazon-connect-chat.js"];

async function makeSmaller(/** @type {string} */ name) {
  const file = path.join(root, "dist", name);
  const { code, map } = await minify(readFileSync(file, "utf8"), {
    module: name !== "amazon-connect-chat.js",
    ecma: 2020,
    format: { ascii_only: true, comments: /^!/ },
    sourceMap: { content: readFileSync(`${file}.map`, "utf8"), includeSources: true, url: `${name}.map` },
  });
  writeFileSync(file, `${code}\n`);
  writeFileSync(`${file}.map`, /** @type {string} */ (map));
}

/** A CommonJS module has its typings in a `.d.cts`, which names others of its kind. */
function copyTypes() {
  const read = (/** @type {string} */ file) => readFileSync(path.join(root, "types", file), "utf8");
  const write = (/** @type {string} */ file, /** @type {string} */ text) =>
    writeFileSync(path.join(root, "dist", file), text);
  write("connect.d.ts", read("connect.d.ts"));
  for (const name of TYPES) {
    const text = read(`${name}.d.ts`);
    write(`${name}.d.ts`, text);
    write(`${name}.d.cts`, text.replace(/"(\.\/\w+)\.js"/g, '"$1.cjs"'));
  }
}

function copy() {
  mkdirSync(path.join(root, "dist"), { recursive: true });
  for (const [to, from] of Object.entries(COPIES)) copyFileSync(path.resolve(root, from), path.join(root, "dist", to));
  writeFileSync(path.join(root, "dist", "chatloom.wasm"), pack(readFileSync(CORE)));
  for (const [to, text] of Object.entries(EAGER)) writeFileSync(path.join(root, "dist", to), text);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { minify: { type: "boolean" }, watch: { type: "boolean" } } });
  const parts = [classicScript, chatloomScript, ...modules].map((part) => ({
    ...part,
    minify: values.minify ?? false,
  }));
  copy();
  copyTypes();
  if (values.watch) {
    for (const part of parts) await (await esbuild.context({ ...part, logLevel: "info" })).watch();
  } else {
    const built = await Promise.all(parts.map((part) => esbuild.build({ ...part, metafile: true })));
    if (values.minify) await Promise.all(SMALLER.map(makeSmaller));
    for (const { metafile } of built) {
      for (const file in metafile.outputs) if (file.endsWith(".map")) withoutCore(path.join(root, file));
    }
    if (values.minify) check(path.join(root, "dist"));
  }
}
