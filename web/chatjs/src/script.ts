/** The classic script, with the core inside: all it leaves is the global `connect`. */
import { useAddition } from "./chatloom/addition";
import { beside } from "./chatloom/element";
import "./global";
import { ask } from "./host/clients";
import { useCore } from "./host/host";
import { useAsker } from "./host/http";
import { smallCore } from "./host/small";

useCore(smallCore);
useAsker(async () => ask);
useAddition(beside(typeof document === "object" ? (document.currentScript as HTMLScriptElement | null) : null));
