/** The package for pages and engines without wasm: the core translated to JavaScript. */
import { instantiate } from "chatloom:core-js";
import { useAddition } from "./chatloom/addition";
import "./global";
import { ask } from "./host/clients";
import { useCore } from "./host/host";
import { useAsker } from "./host/http";

useCore({ load: instantiate });
useAsker(async () => ask);
useAddition(async () => (await import("./chatloom/js")).chatloom);

export * from "./exports";
