import { readFileSync } from "node:fs";

import { defineConfig } from "vitest/config";

import { viteCore } from "./build/core.mjs";

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

export default defineConfig({
  plugins: [viteCore],
  define: { VERSION: JSON.stringify(version) },
  // Nothing here waits for a time; a busy machine may take its own.
  test: { include: ["test/**/*.test.ts"], testTimeout: 30_000 },
});
