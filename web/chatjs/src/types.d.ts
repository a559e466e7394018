/** The browser core as text; the build puts it here (build/core.mjs). */
declare module "chatloom:core" {
  const text: string;
  export default text;
}

/** The same with Chatloom behaviour. */
declare module "chatloom:core-full" {
  const text: string;
  export default text;
}

/** The browser core translated to JavaScript. */
declare module "chatloom:core-js" {
  export function instantiate(): import("./host/wasm").Exports;
}

/** The same with Chatloom behaviour. */
declare module "chatloom:core-full-js" {
  export function instantiate(): import("./host/wasm").Exports;
}

/** The version of this package; the build puts it here. */
declare const VERSION: string;
