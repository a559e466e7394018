/** What an application may say about Chatloom behaviour. */

/** The member `chatloom` of the configuration, and of the options of a session. */
export interface ChatloomOptions {
  /** Where the service is, for this session alone; without a slash at its end. */
  endpoint?: string;
  /** One typing event goes out in this time, in milliseconds; 10,000 unless said. */
  typingThrottleMs?: number;
  /** Receipts are gathered for this long, in milliseconds; 5,000 unless said. */
  receiptThrottleMs?: number;
  /** How many entries a transcript that is shown holds, at least 100; 10,000 unless said. */
  mostEntries?: number;
}

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
