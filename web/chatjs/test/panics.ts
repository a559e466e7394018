/** Cores that can be told to panic. */
import type { CoreSource, Exports } from "../src/host/wasm";

/** The instances that were made, newest last. */
export const instances: { panics: boolean }[] = [];

/** A function of a wasm module that does nothing but what a panic of the core does. */
const TRAPPING = "AGFzbQEAAAABBAFgAAADAgEABwgBBHRyYXAAAAoFAQMAAAs=";
const trapping = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(TRAPPING, "base64"))).exports[
  "trap"
] as () => number;

/** The source with instances that panic when they are told to. */
export function panicking(source: CoreSource): CoreSource {
  return {
    load: (): Exports => {
      const real = source.load() as Exports;
      const instance = { panics: false };
      instances.push(instance);
      const trap = (call: () => number) => (instance.panics ? trapping() : call());
      return {
        ...real,
        handle: (...args) => trap(() => real.handle(...args)),
        item: (...args) => trap(() => real.item(...args)),
      };
    },
  };
}

/** The newest instance panics at whatever it is told next. */
export function panic(): void {
  const newest = instances.at(-1);
  if (newest) newest.panics = true;
}
