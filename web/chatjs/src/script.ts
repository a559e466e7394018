/** The classic script, with the core inside: all it leaves is the global `connect`. */
import "./global";
import { useCore } from "./host/host";
import { smallCore } from "./host/small";

useCore(smallCore);
