/** Cores that are not there yet, and that never come. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import type { CoreSource, Exports } from "../src/host/wasm";
import { installWebSocket, newChat, next, rejection, Service } from "./service";

let service: Service;
beforeAll(async () => {
  installWebSocket();
  service = await Service.start();
});
afterAll(() => service.stop());
afterEach(() => vi.resetModules());

/** A package whose cores come when the test lets them. */
async function packageWith() {
  const asked: { come(): void; fail(error: Error): void }[] = [];
  const { smallCore } = await import("../src/host/small");
  const source: CoreSource = {
    load: () =>
      new Promise<Exports>((resolve, reject) => {
        asked.push({ come: () => resolve(smallCore.load()), fail: reject });
      }),
  };
  const { useCore } = await import("../src/host/host");
  const { ChatSession } = await import("../src/exports");
  useCore(source);
  ChatSession.setGlobalConfig({ endpoint: service.endpoint });
  return { asked, ChatSession };
}

test("what is asked before the core is there is done when it is, in order", async () => {
  const { asked, ChatSession } = await packageWith();
  const chat = newChat();
  const session = ChatSession.create({ chatDetails: chat, type: "CUSTOMER" });
  const other = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  expect(session.getChatDetails()).toMatchObject({ contactId: chat.contactId, connectionDetails: undefined });
  const connected = [session.connect(), other.connect()];
  expect(asked).toHaveLength(1);
  expect(service.of("/participant/connection")).toHaveLength(0);

  asked[0]?.come();
  await Promise.all(connected);
  expect(service.of("/participant/connection").map(({ headers }) => headers["x-amz-bearer"])).toEqual([
    chat.participantToken,
    expect.stringMatching(/^token-/),
  ]);
  await expect(session.sendMessage({ message: "x", contentType: "text/plain" })).resolves.toBeDefined();
});

test("a core that does not come breaks the session, and the next connect asks again", async () => {
  const { asked, ChatSession } = await packageWith();
  const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  const broken = next((callback) => session.onConnectionBroken(callback));
  const failed = rejection(session.connect());
  asked[0]?.fail(new Error("no such file"));
  expect(await failed).toMatchObject({
    connectSuccess: false,
    _debug: { _debug: { message: "the core could not be loaded: no such file" } },
  });
  expect((await broken)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });

  const connected = session.connect();
  expect(asked).toHaveLength(2);
  asked[1]?.come();
  await expect(connected).resolves.toMatchObject({ connectSuccess: true });
});
