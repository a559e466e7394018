// What `import { ... } from "@chatloom/chatjs/js"` gives: the package without wasm.

export * from "./index.js";
