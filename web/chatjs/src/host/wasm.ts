/** The browser core and where it comes from. */
import { decode } from "./inline";

/** The memory of a core. When it grows there is a new buffer, and views of the old one have no length any more. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  /** Set by the host. A core that was translated to JavaScript calls this when it has grown: it cannot empty views. */
  grown?: () => void;
}

/** What `crates/wasm` exports; its documentation says what each does. */
export interface Exports {
  readonly memory: Memory;
  start(seedHigh: number, seedLow: number): number;
  input(length: number): number;
  handle(length: number, monoMs: number, wallMs: number): number;
  item(length: number, source: number, item: number, monoMs: number, wallMs: number): number;
  output(): number;
}

/** Where cores come from. */
export interface CoreSource {
  /** Whether its sessions decide on more of each item than whom it is for. */
  readonly needsWholeItems?: boolean;
  /** A new instance, which is there at once or has yet to be loaded. May be asked again after a failure. */
  load(): Exports | Promise<Exports>;
}

/**
 * A core that travels inside a script, as text. Compiled when first needed, on the spot: a page's first
 * `create` must give a session at once.
 */
export function inlined(text: string): CoreSource {
  let compiled: WebAssembly.Module | undefined;
  return {
    load() {
      try {
        compiled ??= new WebAssembly.Module(decode(text));
      } catch (error) {
        const hint = "a page's content security policy must allow 'wasm-unsafe-eval' in script-src";
        throw new Error(`WebAssembly cannot be started; ${hint}`, { cause: error });
      }
      return new WebAssembly.Instance(compiled).exports as unknown as Exports;
    },
  };
}
