/** Loads the file for Chatloom behaviour where there are no modules: by an element of the page. */
import type { AdditionFile } from "./addition";

const page = globalThis as { connect?: { ChatloomAddition?: AdditionFile } };

/**
 * A loader of the file beside the classic script that is being run, whose name it shares:
 * `amazon-connect-chat.chatloom.js`. A page may also include it by itself; then it is there already.
 */
export function beside(script: HTMLScriptElement | null): () => Promise<AdditionFile> {
  // Later nobody can tell which script this is.
  const address = script?.src.replace(/\.js(?=$|[?#])/, ".chatloom.js");
  const isBeside = address !== script?.src;
  const { nonce, crossOrigin } = script ?? {};
  return () =>
    new Promise((resolve, reject) => {
      const there = () => page.connect?.ChatloomAddition;
      const found = there();
      // A page may have another version of the package as well, with a file of its own.
      if (found?.version === VERSION) return resolve(found);
      if (!address || !isBeside)
        return reject(new Error("include amazon-connect-chat.chatloom.js for Chatloom behaviour"));
      const element = document.createElement("script");
      element.src = trusted(address);
      if (nonce) element.nonce = nonce;
      if (crossOrigin) element.crossOrigin = crossOrigin;
      element.onload = element.onerror = () => {
        element.remove();
        const loaded = there();
        if (loaded) resolve(loaded);
        else reject(new Error(`${address} cannot be loaded`));
      };
      document.head.append(element);
    });
}

interface Policy {
  createScriptURL(address: string): string;
}
const { trustedTypes } = globalThis as { trustedTypes?: { createPolicy(name: string, rules: Policy): Policy } };
let policy: Policy | undefined;

/** An address beside this script, as a page takes it that takes none as text (Trusted Types). */
function trusted(address: string): string {
  try {
    policy ??= trustedTypes?.createPolicy("chatloom", { createScriptURL: (address) => address });
  } catch {
    // The page does not allow that name. If it needs one, setting the address says so.
  }
  return policy?.createScriptURL(address) ?? address;
}
