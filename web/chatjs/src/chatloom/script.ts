/** The file for Chatloom behaviour as a classic script, beside the one that it belongs to. */
import { chatloom } from "./index";

const page = globalThis as { connect?: Record<string, unknown> };
(page.connect ??= {})["ChatloomAddition"] = chatloom;
