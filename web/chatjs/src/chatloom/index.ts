/** The file for Chatloom behaviour: what is loaded when a session asks for it. */
import text from "chatloom:core-full";
import { inlined } from "../host/wasm";
import { additionWith } from "./parts";

export const chatloom = additionWith(inlined(text).load);
