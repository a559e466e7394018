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
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

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
    wait: { type: "boolean", default: false },
    workers: { type: "string", default: "2" },
  },
});
const require = createRequire(import.meta.url);
const scripts = {
  original: require.resolve("amazon-connect-chatjs/dist/amazon-connect-chat.js"),
  ours: options.ours,
};

const all = await loadScenarios();
const chosen = all.filter(({ name }) => name.includes(options.only ?? ""));
const traces = await run(chosen.map(({ name }) => name));

/** Scenarios of what the package cannot do yet. */
const waiting = new Set(JSON.parse(readFileSync(new URL("waiting.json", import.meta.url), "utf8")));
const problems = [];
for (const scenario of chosen) {
  const found = check(scenario, traces.get(scenario.name));
  if (!waiting.has(scenario.name)) problems.push(...found);
  else if (found.length === 0) console.log(`no longer waits: ${scenario.name}`);
  else if (options.only !== undefined) console.log(`waits: ${found.join("\n")}\n`);
}
if (options.wait) {
  const names = new Set(problems.map((problem) => problem.split("\n")[0]));
  const still = all.map(({ name }) => name).filter((name) => waiting.has(name) || names.has(name));
  writeFileSync(new URL("waiting.json", import.meta.url), `${JSON.stringify(still, null, 2)}\n`);
}
if (options.update) writeTable(shownRows());
const table = readTable();
if (options.only === undefined) problems.push(...checkTable(table), ...checkFiles());
for (const problem of problems) console.error(`\n${problem}`);

const failed = new Set(problems.map((problem) => problem.split("\n")[0])).size;
if (failed > 0) {
  console.error(`\n${failed} of ${chosen.length} scenarios and rows are not as they are declared`);
  process.exitCode = 1;
} else {
  const checked = chosen.filter(({ name }) => !waiting.has(name)).length;
  console.log(`${checked} of ${checked} scenarios alike, ${table.size} intended differences`);
}

/** Gives the traces of the named scenarios, from a few processes. */
function run(names) {
  const waiting = [...names];
  const traces = new Map();
  const one = () =>
    new Promise((resolve, reject) => {
      const worker = fork(new URL("lib/worker.mjs", import.meta.url), [JSON.stringify(scripts)]);
      let current = "(the start)";
      worker.on("message", ({ name, traces: found }) => {
        if (name !== undefined) traces.set(name, found);
        current = waiting.shift();
        if (current !== undefined) worker.send(current);
        else worker.disconnect();
      });
      worker.on("exit", (code) => {
        if (code === 0) resolve();
        else reject(new Error(`the process of ${current} ended with ${code}`));
      });
    });
  return Promise.all(Array.from({ length: Number(options.workers) }, one)).then(() => traces);
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
