/** As `slim.ts`, for Node, whose `fetch` reads no files. */
import { readFile } from "node:fs/promises";

import { useAddition } from "./chatloom/addition";
import "./global";
import { useAsker } from "./host/http";
import { useSeparateCore } from "./host/separate";

export const loadCore = useSeparateCore(async () =>
  WebAssembly.compile(await readFile(new URL("./chatloom.wasm", import.meta.url))),
);

useAsker(async () => (await import("./host/clients")).ask);
useAddition(async () => (await import("./chatloom/index")).chatloom);

export * from "./exports";
