/** The package with the core in a file of its own, `chatloom.wasm` beside this one. */
import { useAddition } from "./chatloom/addition";
import "./global";
import { useAsker } from "./host/http";
import { compile, useSeparateCore } from "./host/separate";

// Bundlers know this form: they take the file along and put its address here.
export const loadCore = useSeparateCore(() => compile(new URL("./chatloom.wasm", import.meta.url)));

useAsker(async () => (await import("./host/clients")).ask);
useAddition(async () => (await import("./chatloom/index")).chatloom);

export * from "./exports";
