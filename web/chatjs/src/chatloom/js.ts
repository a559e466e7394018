/** The same as `index.ts`, for pages and engines without wasm. */
import { instantiate } from "chatloom:core-full-js";
import { additionWith } from "./parts";

export const chatloom = additionWith(instantiate);
