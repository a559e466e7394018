/** The core as a file of its own, as servers give it. */
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { CORE } from "../build/core.mjs";
import { Core } from "../src/host/core";
import { compile } from "../src/host/separate";
import { smallCore } from "../src/host/small";
import type { Exports } from "../src/host/wasm";

test.each(["application/wasm", "Application/WASM", "application/wasm; charset=utf-8", "text/plain", undefined])(
  "a file that is called %s is compiled",
  async (type) => {
    const headers: HeadersInit = type === undefined ? {} : { "Content-Type": type };
    await expect(compile(new Response(readFileSync(CORE), { headers }))).resolves.toBeInstanceOf(WebAssembly.Module);
  },
);

test("an answer that is an error is none", async () => {
  await expect(compile(new Response("gone", { status: 404 }))).rejects.toThrow("answered 404");
});

test("a core with other tables, as a cache may keep it, is refused and says why", () => {
  const exports = { ...(smallCore.load() as Exports) };
  expect(() => new Core(exports)).not.toThrow();
  for (const sum of [undefined, 7]) {
    expect(() => new Core({ ...exports, start: () => sum as number })).toThrow(/of another release/);
  }
});
