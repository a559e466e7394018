/** A core in a file of its own, which is loaded with the first session or before. */
import { useCore } from "./host";
import { unpack } from "./packed";
import type { Exports } from "./wasm";

/** Where such a core may come from. */
export type CoreFile = string | URL | Response | BufferSource | WebAssembly.Module;

/**
 * Sessions have the core from such a file from now on; `usual` gives the one that belongs to the package. The
 * result loads it now instead of with the first session, from somewhere else if that is given. Sessions may be
 * created before it is there: what is asked of them waits.
 */
export function useSeparateCore(usual: () => Promise<WebAssembly.Module>): (file?: CoreFile) => Promise<void> {
  let from = usual;
  let loaded: Promise<WebAssembly.Module> | undefined;

  function module(): Promise<WebAssembly.Module> {
    loaded ??= from()
      .then((module) => {
        const bytes = unpack(module);
        return bytes ? WebAssembly.compile(bytes) : module;
      })
      .catch((error: unknown) => {
        loaded = undefined;
        throw error;
      });
    return loaded;
  }

  useCore({
    async load() {
      const { exports } = await WebAssembly.instantiate(await module());
      return exports as unknown as Exports;
    },
  });

  return async (file) => {
    if (file !== undefined) {
      from = () => compile(file);
      loaded = undefined;
    }
    await module();
  };
}

/** Compiles what is there, or fetches it first. */
export async function compile(file: CoreFile): Promise<WebAssembly.Module> {
  if (file instanceof WebAssembly.Module) return file;
  if (typeof file === "object" && !(file instanceof URL) && !(file instanceof Response)) {
    return WebAssembly.compile(file);
  }
  const response = file instanceof Response ? file : await fetch(file);
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  // While it arrives, if the server says what kind of file it is in just these words: engines take no parameters.
  if (response.headers.get("Content-Type") === "application/wasm") {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}
