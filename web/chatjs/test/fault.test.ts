/** What happens when the core panics. */
import { beforeAll, expect, test, vi } from "vitest";

import type { Exports } from "../src/wasm";
import { connectSession, installWebSocket, newChat, next, rejection, Service } from "./service";

/** The instances that were made, newest last. */
const instances: { panics: string }[] = [];

vi.mock("../src/wasm", async (importOriginal) => {
  const { instantiate } = await importOriginal<typeof import("../src/wasm")>();
  return {
    /** Instances that can be told to panic. */
    instantiate(): Exports {
      const real = instantiate();
      const instance = { panics: "" };
      instances.push(instance);
      const message = new TextEncoder().encode("panicked at src/x.rs:1:2:\nthe reason");
      const place = real.memory.buffer.byteLength - 1024;
      const trap = (call: () => number) => {
        if (!instance.panics) return call();
        new Uint8Array(real.memory.buffer).set(message, place);
        throw new WebAssembly.RuntimeError("unreachable");
      };
      return {
        ...real,
        handle: (...args) => trap(() => real.handle(...args)),
        item: (...args) => trap(() => real.item(...args)),
        fault: () => place,
        fault_len: () => (instance.panics ? message.length : 0),
      };
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
  expect(
    logged.filter((text) => text.includes("panicked at src/x.rs:1:2") && text.includes("the reason")),
  ).toHaveLength(1);

  // The broken session can connect again, and another one can be made; both on a core that works.
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
  await expect(session.sendMessage({ message: "x", contentType: "text/plain" })).resolves.toBeDefined();
  await connectSession(service, newChat());
  expect(instances).toHaveLength(2);
  ChatSession.setGlobalConfig({});
  await service.stop();
});
