// Size, speed and memory of this package beside amazon-connect-chatjs 5.0.0, as tables and as JSON.
//
//   node bench/run.mjs [--in node|chromium] [--quick] [--only WORD] [--script FILE] [--json FILE]
//
// The libraries take turns, and each ratio is the median of the ratios of the turns: what both had to
// bear in a turn, such as another program, falls out of it. `--only` takes the measures with a figure
// whose name has this word; `--script` measures another script than dist/amazon-connect-chat.js.
// CHROMIUM names the browser. A row that misses its bound is marked; nothing fails.
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { ChromiumPages } from "./chromium.mjs";
import { Bench, MEASURES } from "./measures.mjs";
import { NodePages } from "./node.mjs";
import { CLASSIC, ORIGINAL, sizes } from "./sizes.mjs";
import { printFigures, printSizes } from "./table.mjs";

const { values } = parseArgs({
  options: {
    in: { type: "string" },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    script: { type: "string", default: CLASSIC },
    json: { type: "string" },
  },
});

const texts = { ours: readFileSync(values.script, "utf8"), original: readFileSync(ORIGINAL, "utf8") };
const wanted = ({ figures }) => Object.values(figures).some(({ name }) => name.includes(values.only ?? ""));
const measures = MEASURES.filter(wanted);
if (measures.length === 0) throw new Error(`no figure has "${values.only}" in its name`);

const { CHROMIUM } = process.env;
const environments = {
  node: () => new NodePages(),
  chromium: () => ChromiumPages.start(CHROMIUM, service.url),
};
const chosen = values.in ? [values.in] : Object.keys(environments);
if (!chosen.every((name) => name in environments)) throw new Error(`--in ${values.in}: node or chromium`);
if (chosen.includes("chromium") && !CHROMIUM) {
  throw new Error("set CHROMIUM to the browser's program, as `cargo xtask bench` does");
}

const results = { sizes: sizes(), environments: [] };
printSizes(results.sizes);
const service = await startService();
for (const name of chosen) {
  const pages = await environments[name]();
  const figures = {};
  for (const measure of measures) Object.assign(figures, await compare(pages, measure));
  results.environments.push({ name: pages.name, version: pages.version, figures });
  console.log(`\n${pages.name} ${pages.version}`);
  printFigures(figures);
  await pages.close();
}
service.close();
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);

/** Takes the figures of one measure from both libraries, in turns. */
async function compare(pages, measure) {
  const taken = { ours: [], original: [] };
  for (let round = 0; round < (values.quick ? 1 : measure.pages); round++) {
    const benches = {};
    for (const library of Object.keys(taken)) {
      benches[library] = new Bench(await pages.open(), texts[library], service);
      await measure.open(benches[library]);
    }
    for (let turn = 0; turn < measure.turns; turn++) {
      for (const library of Object.keys(taken)) taken[library].push(await measure.take(benches[library]));
    }
    for (const bench of Object.values(benches)) await bench.page.close();
  }
  return Object.fromEntries(
    Object.entries(measure.figures).map(([key, { name, unit, bounds, isDifference = false }]) => {
      const samples = Object.fromEntries(
        Object.entries(taken).map(([library, turns]) => [library, turns.map((turn) => turn[key])]),
      );
      const compared = samples.ours.map((ours, turn) => {
        const original = samples.original[turn];
        return isDifference ? ours - original : ours / original;
      });
      const figure = {
        name,
        unit,
        isDifference,
        bound: bounds[pages.name],
        ours: median(samples.ours),
        original: median(samples.original),
        compared: median(compared),
        samples,
      };
      return [key, figure];
    }),
  );
}

async function startService() {
  const child = fork(fileURLToPath(new URL("service.mjs", import.meta.url)));
  const [{ url }] = await once(child, "message");
  return {
    url,
    deliver: (contact, count, rate) => child.send({ contact, count, rate }),
    close: () => child.disconnect(),
  };
}

function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
