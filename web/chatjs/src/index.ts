/** The package, with the core inside. */
import { useAddition } from "./chatloom/addition";
import "./global";
import { useCore } from "./host/host";
import { smallCore } from "./host/small";

useCore(smallCore);
useAddition(async () => (await import("./chatloom/index")).chatloom);

export * from "./exports";
