/** What is in the file for Chatloom behaviour, around the core. */
import type { CoreSource } from "../host/wasm";
import type { Addition } from "./addition";
import { keeper, kept } from "./keep";
import { SharedLine } from "./line";

export function additionWith(core: CoreSource): Addition {
  return {
    version: VERSION,
    core,
    keeper,
    kept,
    line: (name, relay, log) => new SharedLine(name, relay, log),
  };
}
