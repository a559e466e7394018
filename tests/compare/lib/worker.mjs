// Runs scenarios in a process of its own: `fork`ed by run.mjs, which sends names and gets traces.
import { readFileSync } from "node:fs";
import vm from "node:vm";

import { Page } from "./page.mjs";
import { loadScenarios } from "./scenarios.mjs";

const files = JSON.parse(process.argv[2]);

/** Each script is compiled once; every page runs it afresh. */
const scripts = Object.fromEntries(
  Object.entries(files).map(([library, file]) => {
    return [library, new vm.Script(readFileSync(file, "utf8"), { filename: library })];
  }),
);
const scenarios = new Map((await loadScenarios()).map((scenario) => [scenario.name, scenario]));

// A promise that nobody looks at is something that a page reports.
let page;
process.on("unhandledRejection", (error) => page?.record(`unhandled ${page.writer.value(error)}`));

process.on("message", async (name) => {
  const traces = {};
  for (const library of Object.keys(scripts))
    traces[library] = await trace(scenarios.get(name), library);
  process.send({ name, traces });
});
process.send({ ready: true });

async function trace(scenario, library) {
  page = new Page(scripts[library], scenario.page);
  try {
    await scenario.run(page, library);
    // What is still under way shows itself.
    await page.clock.pass(0);
  } catch (error) {
    page.mark(`the scenario ends with ${page.writer.value(error)}`);
  }
  page.mark("the end");
  return page.trace;
}
