/** The package, with the core inside. */
import { useAddition } from "./chatloom/addition";
import "./global";
import { ask } from "./host/clients";
import { useCore } from "./host/host";
import { useAsker } from "./host/http";
import { smallCore } from "./host/small";

useCore(smallCore);
useAsker(async () => ask);
useAddition(async () => (await import("./chatloom/index")).chatloom);

export * from "./exports";
