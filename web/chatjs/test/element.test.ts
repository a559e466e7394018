/** The file for Chatloom behaviour, loaded by an element of the page. */
import { afterEach, expect, test, vi } from "vitest";

import type { AdditionFile } from "../src/chatloom/addition";
import { beside } from "../src/chatloom/element";

interface Element {
  src: string;
  nonce?: string;
  crossOrigin?: string | null;
  onload(): void;
  onerror(): void;
  remove(): void;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A page that has these elements in its head. */
function page(addition?: Partial<AdditionFile>) {
  const elements: Element[] = [];
  const connect: { ChatloomAddition?: Partial<AdditionFile> | undefined } = { ChatloomAddition: addition };
  vi.stubGlobal("connect", connect);
  vi.stubGlobal("document", {
    createElement: () => ({ remove() {} }),
    head: { append: (element: Element) => elements.push(element) },
  });
  return { elements, connect };
}

const script = (src: string, also: Partial<HTMLScriptElement> = {}) =>
  ({ src, nonce: "", crossOrigin: null, ...also }) as HTMLScriptElement;

test("the file beside the script comes with the nonce and the mode of the script", async () => {
  const { elements, connect } = page();
  const load = beside(script("https://a.test/chat.js?v=1", { nonce: "abc", crossOrigin: "anonymous" }));
  const loaded = load();
  const [element] = elements;
  expect(element).toMatchObject({ src: "https://a.test/chat.chatloom.js?v=1", nonce: "abc", crossOrigin: "anonymous" });
  connect.ChatloomAddition = { version: VERSION };
  element?.onload();
  expect(await loaded).toBe(connect.ChatloomAddition);
  // The next one has it at once.
  expect(await load()).toBe(connect.ChatloomAddition);
  expect(elements).toHaveLength(1);
});

test("a file that cannot be loaded is asked for again the next time", async () => {
  const { elements, connect } = page();
  const load = beside(script("https://a.test/chat.js"));
  const failed = load();
  elements[0]?.onerror();
  await expect(failed).rejects.toThrow("https://a.test/chat.chatloom.js cannot be loaded");
  const loaded = load();
  connect.ChatloomAddition = { version: VERSION };
  elements[1]?.onload();
  expect(await loaded).toMatchObject({ version: VERSION });
});

test("the file of another version that the page has is not taken for that of this one", async () => {
  const { elements, connect } = page({ version: "0.0.0" });
  const loaded = beside(script("https://a.test/chat.js"))();
  expect(elements).toHaveLength(1);
  connect.ChatloomAddition = { version: VERSION };
  elements[0]?.onload();
  expect(await loaded).toMatchObject({ version: VERSION });
});

test("a script without a name of that kind is not run once more", async () => {
  const { elements } = page();
  for (const of of [null, script(""), script("https://a.test/chat")]) {
    await expect(beside(of)()).rejects.toThrow(/include amazon-connect-chat.chatloom.js/);
  }
  expect(elements).toHaveLength(0);
});

test("a page that takes no text for an address of a script gets one that it can trust", async () => {
  const { elements } = page();
  const createPolicy = vi.fn((_name: string, { createScriptURL }: { createScriptURL(address: string): string }) => ({
    createScriptURL: (address: string) => ({ trusted: createScriptURL(address) }),
  }));
  vi.stubGlobal("trustedTypes", { createPolicy });
  vi.resetModules();
  const load = (await import("../src/chatloom/element")).beside(script("https://a.test/chat.js"));
  for (let n = 0; n < 2; n++) {
    const failed = load();
    elements.at(-1)?.onerror();
    await expect(failed).rejects.toThrow("cannot be loaded");
  }
  expect(elements.map(({ src }) => src)).toEqual(Array(2).fill({ trusted: "https://a.test/chat.chatloom.js" }));
  expect(createPolicy.mock.calls.map(([name]) => name)).toEqual(["chatloom"]);

  // One that does not allow the name, and perhaps does not ask for such addresses.
  createPolicy.mockImplementation(() => {
    throw new TypeError("no such policy");
  });
  vi.resetModules();
  void (await import("../src/chatloom/element")).beside(script("https://a.test/chat.js"))();
  expect(elements.at(-1)?.src).toBe("https://a.test/chat.chatloom.js");
});
