/** What happens when an entry of the package is loaded, before anything is asked of it: next to nothing. */
import { readFileSync } from "node:fs";
import vm from "node:vm";

import { build, type BuildOptions } from "esbuild";
import { expect, test } from "vitest";

import { chatloomScript, classicScript, modules } from "../build/build.mjs";

/** Everything that a context can run by itself: scripts and CommonJS. */
const parts = [classicScript, chatloomScript, ...modules.filter(({ format }) => format === "cjs")];

test.each(parts.map((part) => [Object.values(part.entryPoints ?? {}).join(), part] as const))(
  "%s needs nothing of a platform and leaves only `connect` behind",
  async (_, part: BuildOptions) => {
    const { outputFiles } = await build({ ...part, minify: true, write: false, sourcemap: false });
    const context = vm.createContext({}, { codeGeneration: { strings: false, wasm: false } });
    const before = new Set(vm.runInContext("Object.getOwnPropertyNames(globalThis)", context) as string[]);
    const module = { exports: {} };
    vm.runInContext(`(function (module) {${outputFiles[0]?.text}\n})`, context)(module);
    const after = vm.runInContext("Object.getOwnPropertyNames(globalThis)", context) as string[];
    expect(after.filter((name) => !before.has(name) && name !== "connect")).toEqual([]);
  },
);

test("the package has the number and the place of the crates", () => {
  const read = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
  const { version, repository } = JSON.parse(read("../package.json"));
  const workspace = read("../../../Cargo.toml");
  expect(workspace).toContain(`\nversion = "${version}"\n`);
  expect(repository.url).toBe(`git+${/\nrepository = "(.*)"\n/.exec(workspace)?.[1]}.git`);
});

test("two builds of the same sources are the same", async () => {
  const twice = () => build({ ...classicScript, minify: true, write: false });
  const [one, other] = [await twice(), await twice()];
  expect(one.outputFiles.map(({ path, hash }) => [path, hash])).toEqual(
    other.outputFiles.map(({ path, hash }) => [path, hash]),
  );
});
