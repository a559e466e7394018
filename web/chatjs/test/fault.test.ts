/** What happens when the core panics. */
import { beforeAll, expect, test, vi } from "vitest";

import type { Exports } from "../src/host/wasm";
import { connectSession, installWebSocket, newChat, next, rejection, Service } from "./service";

/** The instances that were made, newest last. */
const instances: { panics: string }[] = [];

/** A function of a wasm module that does nothing but what a panic of the core does. */
const TRAPPING = "AGFzbQEAAAABBAFgAAADAgEABwgBBHRyYXAAAAoFAQMAAAs=";
const trapping = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(TRAPPING, "base64"))).exports[
  "trap"
] as () => number;

vi.mock("../src/host/small", async (importOriginal) => {
  const { smallCore } = await importOriginal<typeof import("../src/host/small")>();
  return {
    /** Instances that can be told to panic. */
    smallCore: {
      load: (): Exports => {
        const real = smallCore.load() as Exports;
        const instance = { panics: "" };
        instances.push(instance);
        const trap = (call: () => number) => (instance.panics ? trapping() : call());
        return {
          ...real,
          handle: (...args) => trap(() => real.handle(...args)),
          item: (...args) => trap(() => real.item(...args)),
        };
      },
    },
  };
});

beforeAll(installWebSocket);

test("a panic breaks the sessions, is reported, and new sessions get a new core", async () => {
  const { ChatSession } = await import("../src/index");
  const service = await Service.start();
  const { session } = await connectSession(service);
  const logged: string[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (text: string) => logged.push(text) };
  ChatSession.setGlobalConfig({ loggerConfig: { customizedLogger: logger } });
  const broken = next((callback) => session.onConnectionBroken(callback));
  const closed = new Promise((resolve) => service.sockets.at(-1)?.on("close", resolve));

  Object.assign(instances.at(-1) ?? {}, { panics: "yes" });
  const failed = rejection(session.sendMessage({ message: "x", contentType: "text/plain" }));
  expect(await failed).toMatchObject({ type: "AbortError", message: "the core has failed" });
  expect((await broken)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
  await closed;
  expect(logged.filter((text) => /CoreFault: .*unreachable.* wasm-function\[0\]:0x[0-9a-f]+/.test(text))).toHaveLength(
    1,
  );

  // The broken session can connect again, and another one can be made; both on a core that works.
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
  await expect(session.sendMessage({ message: "x", contentType: "text/plain" })).resolves.toBeDefined();
  await connectSession(service, newChat());
  expect(instances).toHaveLength(2);
  ChatSession.setGlobalConfig({});
  await service.stop();
});
