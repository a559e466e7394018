// What `import { ... } from "@chatloom/chatjs/slim"` gives: the package with its core in a file of its own.

export * from "./index.js";

/** Where a core may come from. */
export type CoreFile = string | URL | Response | BufferSource | WebAssembly.Module;

/**
 * Loads the core now instead of with the first session; from `file` in place of `chatloom.wasm` beside the
 * module, if that is given. Sessions may be created before it is there: what is asked of them waits.
 */
export function loadCore(file?: CoreFile): Promise<void>;
