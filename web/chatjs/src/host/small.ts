/** The core that every page loads, inside the script. */
import text from "chatloom:core";
import { inlined } from "./wasm";

export const smallCore = inlined(text);
