// The list of scenarios: each file of `scenarios/` adds its own.
import { readdirSync } from "node:fs";

const folder = new URL("../scenarios/", import.meta.url);

/** All scenarios, in the order of the files' names and of the definitions. */
export async function loadScenarios() {
  const scenarios = [];
  const names = new Set();
  for (const file of readdirSync(folder).sort()) {
    const topic = file.replace(/\.mjs$/, "");
    const module = await import(new URL(file, folder));
    module.default((title, ...rest) => {
      const run = rest.pop();
      const options = rest.pop() ?? {};
      const name = `${topic}: ${title}`;
      if (names.has(name)) throw new Error(`two scenarios are named ${name}`);
      names.add(name);
      scenarios.push({ name, differs: [], page: {}, ...options, run });
    });
  }
  return scenarios;
}

/** Where the text of a scenario's intended differences is kept. */
export function fileOf(name) {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return new URL(`../differences/${slug}.diff`, import.meta.url);
}
