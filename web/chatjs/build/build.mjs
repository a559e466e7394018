// Makes dist/amazon-connect-chat.js.
//
//   node build/build.mjs [--minify] [--watch]
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import * as esbuild from "esbuild";

import { esbuildCore } from "./core.mjs";

const root = new URL("..", import.meta.url);
const { name, version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

/**
 * How the classic script is made.
 * @type {esbuild.BuildOptions}
 */
export const classicScript = {
  absWorkingDir: fileURLToPath(root),
  entryPoints: ["src/global.ts"],
  outfile: "dist/amazon-connect-chat.js",
  bundle: true,
  format: "iife",
  target: "es2022",
  // Not one character that a page in another charset would read differently.
  charset: "ascii",
  legalComments: "none",
  banner: { js: `/*! ${name} ${version} | MIT OR Apache-2.0 */` },
  define: { VERSION: JSON.stringify(version) },
  plugins: [esbuildCore],
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { minify: { type: "boolean" }, watch: { type: "boolean" } } });
  /** @type {esbuild.BuildOptions} */
  const options = { ...classicScript, minify: values.minify ?? false, logLevel: "info" };
  if (values.watch) await (await esbuild.context(options)).watch();
  else await esbuild.build(options);
}
