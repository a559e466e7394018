// Runs scenarios in a process of its own: `fork`ed by run.mjs, which sends names and gets traces.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import vm from "node:vm";

import { DEFECTS } from "./defects.mjs";
import { Page } from "./page.mjs";
import { loadScenarios } from "./scenarios.mjs";

const { module: moduleFile, ...files } = JSON.parse(process.argv[2]);

/** Each script is compiled once; every page runs it afresh. */
const scripts = Object.fromEntries(
  Object.entries(files).map(([library, file]) => {
    return [library, new vm.Script(readFileSync(file, "utf8"), { filename: library })];
  }),
);
const require = createRequire(import.meta.url);
const LIBRARIES = ["original", "ours"];
const scenarios = new Map((await loadScenarios()).map((scenario) => [scenario.name, scenario]));

// A promise that nobody looks at is something that a page reports.
let page;
process.on("unhandledRejection", (error) => page?.record(`unhandled ${page.writer.value(error)}`));

process.on("message", (task) => {
  work(task).then(
    (found) => process.send(found),
    (error) => {
      // A mistake of the tests' own, which is no part of any trace.
      console.error(error);
      process.exit(1);
    },
  );
});
process.send({ ready: true });

async function work({ scenario, defect }) {
  if (defect !== undefined)
    return { defect, seen: await see(DEFECTS.find(({ id }) => id === defect)) };
  const traces = {};
  for (const library of LIBRARIES) traces[library] = await trace(scenarios.get(scenario), library);
  return { scenario, traces };
}

async function trace(scenario, library) {
  page = new Page(scripts[library], scenario.page);
  try {
    await scenario.run(page, library);
    // What is still under way shows itself.
    await page.clock.pass(0);
  } catch (error) {
    // With the original it is the scenario that is wrong.
    if (library === "original") throw new Error(scenario.name, { cause: error });
    page.mark(`the scenario ends with ${page.writer.value(error)}`);
  }
  page.mark("the end");
  return page.trace;
}

/** What is seen of a defect: with the original, by default, and in Chatloom behaviour. */
async function see({ run }) {
  const seen = [];
  for (const [library, chatloom] of [["original"], ["ours"], ["ours", true]]) {
    page = new Page(scripts[library]);
    page.require = () => require(library === "ours" ? moduleFile : files.original);
    if (chatloom) {
      page.realm.run(scripts.chatloom);
      page.ChatSession.setGlobalConfig({ chatloom: {} });
    }
    seen.push(await run(page).catch((error) => String(error)));
  }
  return seen;
}
