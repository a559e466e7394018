/** The package, with the core inside. */
import { useCore } from "./host/host";
import { smallCore } from "./host/small";

useCore(smallCore);

export * from "./exports";
