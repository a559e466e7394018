/** The browser core as text; the build puts it here (build/core.mjs). */
declare module "chatloom:core" {
  const text: string;
  export default text;
}

/** The version of this package; the build puts it here. */
declare const VERSION: string;
