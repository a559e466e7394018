/** The package, with the core inside. */
import "./global";
import { useCore } from "./host/host";
import { smallCore } from "./host/small";

useCore(smallCore);

export * from "./exports";
