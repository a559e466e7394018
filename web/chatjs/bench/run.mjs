// Size, load time and CPU of this package beside amazon-connect-chatjs 5.0.0, as a table and as JSON.
//
//   node bench/run.mjs [--rounds 7] [--json FILE]
//
// Each figure is taken in a process of its own, the libraries in turn, and is the median of the
// rounds. The last column is the median of the rounds' ratios: what both had to bear in a round,
// such as another program, falls out of it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { CORE } from "../build/core.mjs";
import { SCRIPTS } from "./page.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" }, json: { type: "string" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds ${values.rounds}: give a number from 1 on`);
if (!existsSync(SCRIPTS.chatloom)) throw new Error(`there is no ${SCRIPTS.chatloom}: run \`cargo xtask web\` first`);

const FRAMES = 20_000;
const SENDS = 2_000;
const MEASURE = fileURLToPath(new URL("measure.mjs", import.meta.url));

const results = { node: process.version, rounds, sizes: sizes(), figures: figures() };
print(results);
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);

/** Bytes of the scripts, and of the core alone. */
function sizes() {
  const size = (file) => {
    const bytes = readFileSync(file);
    return {
      raw: bytes.length,
      gzip: gzipSync(bytes, { level: 9 }).length,
      brotli: brotliCompressSync(bytes).length,
    };
  };
  return { chatloom: size(SCRIPTS.chatloom), chatjs: size(SCRIPTS.chatjs), core: size(CORE) };
}

function figures() {
  const tasks = {
    load: { unit: "ms", libraries: ["chatloom", "chatjs"], of: ({ total }) => total, count: 0 },
    frame: { unit: "us CPU", libraries: ["chatloom", "chatjs", "floor"], of: ({ us }) => us, count: FRAMES },
    sendMessage: { unit: "us CPU", libraries: ["chatloom", "chatjs"], of: ({ us }) => us, count: SENDS },
  };
  const names = { load: "load", frame: "frames", sendMessage: "sends" };
  const figures = {};
  for (const [task, { unit, libraries, of, count }] of Object.entries(tasks)) {
    const samples = Object.fromEntries(libraries.map((library) => [library, []]));
    for (let round = 0; round < rounds; round++) {
      for (const library of libraries) samples[library].push(of(measure(library, names[task], count)));
    }
    const ratios = samples.chatloom.map((sample, round) => sample / samples.chatjs[round]);
    const medians = Object.fromEntries(Object.entries(samples).map(([library, taken]) => [library, median(taken)]));
    figures[task] = { unit, ...medians, ratio: median(ratios), samples };
  }
  return figures;
}

function measure(library, task, count) {
  return JSON.parse(
    execFileSync(process.execPath, ["--expose-gc", MEASURE, library, task, String(count)], { encoding: "utf8" }),
  );
}

function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function print({ sizes, figures }) {
  const bytes = (count) => count.toLocaleString("en");
  const ratio = (value) => value.toFixed(2);
  const size = (name, form) => [
    name,
    bytes(sizes.chatloom[form]),
    bytes(sizes.chatjs[form]),
    "",
    ratio(sizes.chatloom[form] / sizes.chatjs[form]),
  ];
  const figure = (name, { chatloom, chatjs, floor, ratio: of }) => [
    name,
    chatloom.toFixed(1),
    chatjs.toFixed(1),
    floor?.toFixed(1) ?? "",
    ratio(of),
  ];
  const rows = [
    ["", "Chatloom", "ChatJS 5.0.0", "floor", "ratio"],
    size("script, bytes", "raw"),
    size("script after gzip -9", "gzip"),
    size("script after brotli 11", "brotli"),
    ["core alone after gzip -9", bytes(sizes.core.gzip), "", "", ""],
    figure("load and first session, ms", figures.load),
    figure("incoming frame, us CPU", figures.frame),
    figure("sendMessage, us CPU", figures.sendMessage),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(row.map((cell, at) => (at ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join("  "));
  }
}
