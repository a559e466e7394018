// What pages load: the original and what takes its place, Streams, AWS SDKs.

import { readFile } from "node:fs/promises";
import path from "node:path";

import * as esbuild from "esbuild";

const FOLDER = path.join(import.meta.dirname, "..");

/** A classic script of a page: its name, what loads it there, and the files that it consists of. */
function tagged(name, read) {
  const address = `/${name}.js`;
  return {
    name,
    tag: `<script src="${address}"></script>`,
    files: async () => ({ [address]: { type: "text/javascript", body: await read() } }),
  };
}

/** One that is a file. */
function script(name, ...file) {
  return tagged(name, () => readFile(path.join(FOLDER, ...file)));
}

/** One that is made of modules, as applications make theirs. */
function bundle(name, source) {
  let made;
  return tagged(name, async () => {
    made ??= esbuild.build({
      stdin: { contents: source, resolveDir: FOLDER },
      bundle: true,
      minify: true,
      write: false,
      format: "iife",
      platform: "browser",
      define: { global: "globalThis" },
      external: ["util"], // which the SDK v2 takes to write its log alone
      logLevel: "error",
    });
    return (await made).outputFiles[0].text;
  });
}

const DIST = ["..", "..", "web", "chatjs", "dist"];
const MODULES = "node_modules";

/** amazon-connect-chatjs 5.0.0 as it is on npm. */
export const original = script(
  "amazon-connect-chatjs",
  MODULES,
  "amazon-connect-chatjs",
  "dist",
  "amazon-connect-chat.js",
);

/** The files of several. */
export async function filesOf(libraries) {
  const files = await Promise.all(libraries.map((library) => library.files()));
  return Object.assign({}, ...files);
}

const lone = script("classic-script", ...DIST, "amazon-connect-chat.js");
const beside = script("classic-script.chatloom", ...DIST, "amazon-connect-chat.chatloom.js");

/** Ours, as the classic script, with the one beside it that it loads for Chatloom behaviour. */
export const classic = { ...lone, files: () => filesOf([lone, beside]) };

/** The same file where a module imports it, as the original's README shows. */
const imported = {
  ...lone,
  name: "classic-script-imported",
  tag: lone.tag.replace("<script", '<script type="module"'),
};

/** Ours, as a module of the package, with the files that it may load. */
function module(name, entry, ...others) {
  const read = async (file) => [
    `/dist/${file}`,
    {
      type: file.endsWith(".wasm") ? "application/wasm" : "text/javascript",
      body: await readFile(path.join(FOLDER, ...DIST, file)),
    },
  ];
  return {
    name,
    tag: `<script type="module" src="/dist/${entry}"></script>`,
    files: async () => Object.fromEntries(await Promise.all([entry, ...others].map(read))),
  };
}

/** Ours, as the module with the core inside. */
export const inlined = module("module", "index.js", "chatloom.js");

/** Ours, with the core in a file of its own. */
export const slim = module("slim", "slim.js", "chatloom.wasm");

/** Ours, without wasm. */
export const plainScript = module("js", "js.js", "chatloom-js.js");

/** Ours, by each way to load it. */
export const ours = [classic, imported, inlined, slim, plainScript];

/** Amazon Connect Streams 2.28.2 as it is on npm. */
export const streams = script(
  "amazon-connect-streams",
  MODULES,
  "amazon-connect-streams",
  "release",
  "connect-streams-min.js",
);

/** The SDK v2 of a page, older than its client of the Participant Service. */
export const sdk2Without = script(
  "aws-sdk-2.596.0",
  MODULES,
  "aws-sdk-2.596",
  "dist",
  "aws-sdk.min.js",
);

/** The SDK v2 with that client: the ready-made script has it in no version. */
export const sdk2With = bundle(
  "aws-sdk-2.597.0",
  `window.AWS = require("aws-sdk-2.597/global");
   require("aws-sdk-2.597/clients/connectparticipant");`,
);

/** The SDK v3. */
export const sdk3 = bundle(
  "aws-sdk-3",
  `import * as sdk from "@aws-sdk/client-connectparticipant"; window.AWS = sdk;`,
);
