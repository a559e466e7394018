/** The package for pages and engines without wasm: the core translated to JavaScript. */
import { instantiate } from "chatloom:core-js";
import { useAddition } from "./chatloom/addition";
import "./global";
import { useCore } from "./host/host";

useCore({ load: instantiate });
useAddition(async () => (await import("./chatloom/js")).chatloom);

export * from "./exports";
