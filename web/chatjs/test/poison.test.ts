/** What happens when the core panics at a frame. */
import { beforeAll, expect, test, vi } from "vitest";

import { instances, panic } from "./panics";
import { connectSession, installWebSocket, next, Service } from "./service";

vi.mock("../src/host/small", async (importOriginal) => {
  const { smallCore } = await importOriginal<typeof import("../src/host/small")>();
  const { panicking } = await import("./panics");
  return { smallCore: panicking(smallCore) };
});

beforeAll(installWebSocket);

test("what a poisoned frame does ends nobody's session, and a core that fails again and again is given up", async () => {
  const { ChatSession } = await import("../src/index");
  ChatSession.setGlobalConfig({});
  const service = await Service.start();
  const { session, chat } = await connectSession(service);
  const before = instances.length;
  let broken = 0;
  const broke = new Promise<void>((resolve) => {
    session.onConnectionBroken(() => {
      broken++;
      resolve();
    });
  });
  for (let fault = 1; fault <= 3; fault++) {
    const established = next((callback) => session.onConnectionEstablished(callback));
    panic();
    service.push(chat);
    await established;
    expect(instances.length).toBe(before + fault);
  }
  expect(broken).toBe(0);
  panic();
  service.push(chat);
  await broke;
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
  await service.stop();
});
