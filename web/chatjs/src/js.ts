/** The package for pages and engines without wasm: the core translated to JavaScript. */
import { instantiate } from "chatloom:core-js";
import "./global";
import { useCore } from "./host/host";

useCore({ load: instantiate });

export * from "./exports";
