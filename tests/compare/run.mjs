// Runs every scenario with both libraries and says where they differ.
//
//   node run.mjs [--ours FILE] [--only TEXT] [--trace] [--update] [--workers 2]
//
// --only runs the scenarios whose names contain the text, --trace prints what each library did, and
// --update writes down what scenarios show that name a row of docs/differences.md, and there their
// names.
import { fork } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { DEFECTS, tableOf } from "./lib/defects.mjs";
import { difference } from "./lib/diff.mjs";
import { fileOf, loadScenarios } from "./lib/scenarios.mjs";
import { readTable, writeTable } from "./lib/table.mjs";

const { values: options } = parseArgs({
  options: {
    ours: {
      type: "string",
      default: fileURLToPath(
        new URL("../../web/chatjs/dist/amazon-connect-chat.js", import.meta.url),
      ),
    },
    only: { type: "string" },
    trace: { type: "boolean", default: false },
    update: { type: "boolean", default: false },
    workers: { type: "string", default: "2" },
  },
});
const require = createRequire(import.meta.url);
/** The longest that one scenario may take: far more than any does. */
const MOST_MS = 60_000;
/** Files of the package stand beside each other. */
const beside = (name) => path.join(path.dirname(options.ours), name);
const files = {
  original: require.resolve("amazon-connect-chatjs/dist/amazon-connect-chat.js"),
  ours: options.ours,
  chatloom: beside("amazon-connect-chat.chatloom.js"),
  module: beside("index.cjs"),
};

const all = await loadScenarios();
const chosen = all.filter(({ name }) => name.includes(options.only ?? ""));
const defects = DEFECTS.filter(({ id }) => options.only === undefined || options.only === id);
const traces = new Map();
const seen = new Map();
await run([
  ...chosen.map(({ name }) => ({ scenario: name })),
  ...defects.map(({ id }) => ({ defect: id })),
]);

const problems = chosen.flatMap((scenario) => check(scenario, traces.get(scenario.name)));
if (options.update) writeTable(shownRows());
const table = readTable();
if (options.only === undefined) problems.push(...checkTable(table), ...checkFiles());
const shownDefects = tableOf(defects, seen);
if (defects.length > 0) console.log(`\n${shownDefects.text}\n`);
problems.push(...shownDefects.problems);
for (const problem of problems) console.error(`\n${problem}`);

const failed = new Set(problems.map((problem) => problem.split("\n")[0])).size;
if (failed > 0) {
  console.error(`\n${failed} of ${chosen.length} scenarios and rows are not as they are declared`);
  process.exitCode = 1;
} else {
  console.log(
    `${chosen.length} of ${chosen.length} scenarios alike, ${table.size} intended differences`,
  );
}

/** Has a few processes work on a list, and keeps what they find. */
function run(list) {
  const waiting = [...list];
  const one = () =>
    new Promise((resolve, reject) => {
      const worker = fork(new URL("lib/worker.mjs", import.meta.url), [JSON.stringify(files)]);
      let current = {};
      let limit;
      worker.on("message", ({ scenario, traces: found, defect, seen: what }) => {
        if (scenario !== undefined) traces.set(scenario, found);
        if (defect !== undefined) seen.set(defect, what);
        clearTimeout(limit);
        current = waiting.shift();
        if (current === undefined) return worker.disconnect();
        worker.send(current);
        limit = setTimeout(() => worker.kill(), MOST_MS);
      });
      worker.on("exit", (code) => {
        clearTimeout(limit);
        const { scenario, defect } = current ?? {};
        if (code === 0) resolve();
        else
          reject(
            new Error(
              `the process that had ${scenario ?? defect ?? "nothing yet"} ended with ${code}`,
            ),
          );
      });
    });
  return Promise.all(Array.from({ length: Number(options.workers) }, one));
}

/** What is not as it should be in one scenario. */
function check({ name, differs }, { original, ours }) {
  if (options.trace) {
    for (const [library, trace] of Object.entries({ original, ours })) {
      console.log(`\n${name}, ${library}:\n${trace.map((line) => `  ${line}\n`).join("")}`);
    }
  }
  const found = difference(original, ours);
  const file = fileOf(name);
  if (options.update && differs.length > 0) {
    if (found === "") rmSync(file, { force: true });
    else writeFileSync(file, found);
  }
  const declared = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (found === declared && (found === "") === (differs.length === 0)) return [];
  const rows = differs.join(", ");
  if (found === "") return [`${name}\n  shows nothing of ${rows}: the libraries are alike now`];
  if (differs.length === 0) return [`${name}\n${indent(found)}`];
  return [`${name}\n  differs otherwise than declared for ${rows}; now:\n${indent(found)}`];
}

/** The scenarios that show each row. */
function shownRows() {
  const shown = new Map();
  for (const { name, differs } of all)
    for (const id of differs) shown.set(id, [...(shown.get(id) ?? []), name]);
  return shown;
}

/** Every row is shown by the scenarios that it names, and by no others. */
function checkTable(table) {
  const shown = shownRows();
  const ids = new Set([...table.keys(), ...shown.keys()]);
  return [...ids].flatMap((id) => {
    const [said = [], found = []] = [table.get(id), shown.get(id)];
    if (!table.has(id))
      return [`docs/differences.md ${id}\n  is missing, and ${found.join(", ")} shows it`];
    if (found.length === 0) return [`docs/differences.md ${id}\n  is shown by no scenario`];
    if (said.join() === found.join()) return [];
    return [
      `docs/differences.md ${id}\n  names ${said.join(", ") || "nothing"}, and shown it is by ${found.join(", ")}`,
    ];
  });
}

/** No text of a difference is left over. */
function checkFiles() {
  const known = new Set(
    all.filter(({ differs }) => differs.length > 0).map(({ name }) => fileOf(name).href),
  );
  const folder = new URL("differences/", import.meta.url);
  return readdirSync(folder)
    .filter((file) => !known.has(new URL(file, folder).href))
    .map((file) => `tests/compare/differences/${file}\n  belongs to no scenario`);
}

function indent(text) {
  return text.replace(/^/gm, "  ").trimEnd();
}
