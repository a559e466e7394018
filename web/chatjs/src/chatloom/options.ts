/** What an application may say about Chatloom behaviour. */
import type { ChatloomOptions } from "../../types/index";

export type { ChatloomOptions, ChatStore } from "../../types/index";

let everywhere: ChatloomOptions | undefined;

/** What holds for all sessions from now on; a member that is left out keeps its value. */
export function setChatloom(value: ChatloomOptions | boolean | undefined): void {
  if (value === undefined) return;
  everywhere = value === false ? undefined : { ...everywhere, ...(value === true ? {} : value) };
}

/** What holds for a session that says this for itself; nothing when it behaves as the original. */
export function chatloomOptions(own: ChatloomOptions | boolean | undefined): ChatloomOptions | undefined {
  if (own === false) return undefined;
  if (own === undefined) return everywhere;
  return { ...everywhere, ...(own === true ? {} : own) };
}
