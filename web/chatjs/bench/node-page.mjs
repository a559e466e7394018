// A process of Node that looks like a page as far as both libraries need it. Does what it is told
// over IPC: { call, args } calls a member of `bench` (page.js), or one of the three here.
import { readFileSync } from "node:fs";
import vm from "node:vm";

import { WebSocket } from "ws";

const globals = {
  window: globalThis,
  self: globalThis,
  WebSocket,
  navigator: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36", onLine: true },
  location: { protocol: "https:", hostname: "page.test", href: "https://page.test/" },
  document: { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" },
  addEventListener() {},
  removeEventListener() {},
  runInNode: (text) => vm.runInThisContext(text, { filename: "library.js" }),
};
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
vm.runInThisContext(readFileSync(new URL("page.js", import.meta.url), "utf8"), { filename: "page.js" });

const own = {
  /** Microseconds of CPU of this process so far. */
  cpu() {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  /** Bytes that are kept, what wasm uses included. */
  async heap() {
    // What a promise or a finished request still holds goes in the second round.
    for (let round = 0; round < 2; round++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      globalThis.gc();
    }
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
};

process.on("message", async ({ call, args }) => {
  try {
    process.send({ value: await (own[call] ?? globalThis.bench[call])(...args) });
  } catch (error) {
    process.send({ error: String(error?.stack ?? JSON.stringify(error)) });
  }
});
process.on("disconnect", () => process.exit());
process.send({ value: "ready" });
