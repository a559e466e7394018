/** Sessions in Chatloom behaviour whose file is not there yet, or does not come. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";

import type { AdditionFile } from "../src/chatloom/addition";
import type { ChatloomSession } from "../src/chatloom/session";
import { installWebSocket, newChat, next, rejection, Service } from "./service";

let service: Service;
beforeAll(async () => {
  installWebSocket();
  service = await Service.start();
  service.stored = [];
});
afterAll(() => service.stop());
afterEach(() => vi.resetModules());

/** A package whose file comes when the test lets it. */
async function packageWith() {
  vi.resetModules();
  const asked: { come(file?: Partial<AdditionFile>): void; fail(error: Error): void }[] = [];
  const { ChatSession } = await import("../src/index");
  const { useAddition } = await import("../src/chatloom/addition");
  const { chatloom } = await import("../src/chatloom/index");
  useAddition(
    () =>
      new Promise((resolve, reject) => {
        asked.push({ come: (file) => resolve({ ...chatloom, ...file }), fail: reject });
      }),
  );
  ChatSession.setGlobalConfig({ endpoint: service.endpoint, chatloom: true });
  const create = () => ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" }) as ChatloomSession;
  return { asked, create };
}

const text = (message: string) => ({ message, contentType: "text/plain" });

test("what is asked before the file is there is done when it is, in order and before anything later", async () => {
  const { asked, create } = await packageWith();
  const session = create();
  const { participantId } = session.getChatDetails();
  expect(session.getChatDetails()).toMatchObject({ participantId, connectionDetails: undefined });
  expect(session.getConnectionState()).toEqual({ state: "new" });
  expect(session.getRoster()).toEqual([]);
  expect(session.controller).toMatchObject({ ...session.getChatDetails(), sessionType: "CUSTOMER" });
  expect(session.controller.connectionHelper).toBeUndefined();
  expect(session.controller.connectionDetailsProvider).toBeNull();
  expect(() => session.controller.getConnectionStatus()).toThrow("never been connected");
  const lists: unknown[] = [];
  session.onTranscriptUpdated((event) => lists.push((event as { data: { transcript: unknown[] } }).data.transcript));
  const dropped = vi.fn();
  session.onMessageState(dropped)();
  const caughtUp = next((callback) => session.onCaughtUp(callback));
  const connected = session.connect({ metadata: 7 });
  const sent = ["one", "two"].map((message) => session.sendMessage(text(message)));
  expect(asked).toHaveLength(1);
  asked[0]?.come();
  // Whoever sees the real controller comes after what waited for it.
  await vi.waitUntil(() => "begin" in session.controller);
  sent.push(session.sendMessage(text("three")));
  expect(await connected).toMatchObject({ connectSuccess: true, metadata: 7 });
  await caughtUp;
  await Promise.all(sent);
  expect(service.of("/participant/message").map(({ body }) => body["Content"])).toEqual(["one", "two", "three"]);
  await vi.waitFor(() => expect(lists.at(-1)).toHaveLength(3));
  expect(dropped).not.toHaveBeenCalled();
  session.close();
});

test("a file that does not come breaks the session and says so to every call, and the next call asks again", async () => {
  const { asked, create } = await packageWith();
  const session = create();
  const broken = next((callback) => session.onConnectionBroken(callback));
  const [connected, sent] = [
    rejection(session.connect({ metadata: 7 })),
    rejection(session.sendMessage({ ...text("x"), metadata: 8 })),
  ];
  asked[0]?.fail(new Error("no such file"));
  const why = { type: "TypeError", message: "Chatloom behaviour could not be loaded: Error: no such file" };
  expect(await connected).toMatchObject({ connectSuccess: false, metadata: 7, _debug: { _debug: why } });
  expect(await sent).toMatchObject({ ...why, metadata: 8 });
  expect((await broken)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });

  const again = rejection(session.connect());
  expect(asked).toHaveLength(2);
  asked[1]?.come({ version: "0.0.0" });
  expect(await again).toMatchObject({
    _debug: { _debug: { message: expect.stringMatching(/is of version 0\.0\.0/) } },
  });

  const succeeded = session.connect();
  asked[2]?.come();
  await expect(succeeded).resolves.toMatchObject({ connectSuccess: true });
  session.close();
});

test("to close a session whose file did not come does not ask for it again", async () => {
  const { asked, create } = await packageWith();
  const session = create();
  const connected = rejection(session.connect());
  asked[0]?.fail(new Error("no such file"));
  await connected;
  session.close();
  expect(asked).toHaveLength(1);
});

test("a session that is closed before the file is there stays silent", async () => {
  const { asked, create } = await packageWith();
  const session = create();
  const connections = service.of("/participant/connection").length;
  const connected = rejection(session.connect());
  session.close();
  asked[0]?.come();
  expect(await connected).toMatchObject({ connectSuccess: false });
  // The request that connect made first has been given up.
  expect(service.of("/participant/connection").length).toBeLessThanOrEqual(connections + 1);

  const other = create();
  other.close({ forget: true });
  await vi.waitUntil(() => "begin" in other.controller);
  expect(await rejection(other.connect())).toMatchObject({ connectSuccess: false });
});
