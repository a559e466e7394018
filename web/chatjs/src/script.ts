/** The classic script, with the core inside: all it leaves is the global `connect`. */
import { useAddition } from "./chatloom/addition";
import { beside } from "./chatloom/element";
import "./global";
import { useCore } from "./host/host";
import { smallCore } from "./host/small";

useCore(smallCore);
useAddition(beside(typeof document === "object" ? (document.currentScript as HTMLScriptElement | null) : null));
