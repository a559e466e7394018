/** What happens when the core panics. */
import { beforeAll, expect, test, vi } from "vitest";

import { begin, type Direct, names } from "./direct";
import { instances, panic } from "./panics";
import { connectSession, createSession, installWebSocket, newChat, next, rejection, Service } from "./service";

vi.mock("../src/host/small", async (importOriginal) => {
  const { smallCore } = await importOriginal<typeof import("../src/host/small")>();
  const { panicking } = await import("./panics");
  return { smallCore: panicking(smallCore) };
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

  panic();
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

test("the other sessions go on: they come back as from a lost connection, and what they asked for is asked again", async () => {
  const { ChatSession } = await import("../src/index");
  ChatSession.setGlobalConfig({});
  const service = await Service.start();
  const { session: culprit } = await connectSession(service);
  const { session, chat } = await connectSession(service);
  const events: string[] = [];
  session.onConnectionLost(() => events.push("lost"));
  session.onConnectionBroken(() => events.push("broken"));
  const established = next((callback) => session.onConnectionEstablished(callback));
  const culpritBroke = next((callback) => culprit.onConnectionBroken(callback));
  const sockets = service.sockets.length;

  const open = service.hold("/participant/transcript");
  const page = session.getTranscript({});
  const typed = rejection(session.sendMessage({ message: "x", contentType: "text/plain" }));
  const repeatable = session.sendMessage({ message: "y", contentType: "text/plain", clientToken: "mine" });
  const neverTold = createSession(service).session;
  panic();
  expect(await rejection(culprit.sendMessage({ message: "x", contentType: "text/plain" }))).toMatchObject({
    message: "the core has failed",
  });
  open();

  await culpritBroke;
  // A message that may have arrived is not sent twice, one with a token of the caller's may be.
  expect(await typed).toMatchObject({ type: "AbortError", message: "the core has failed" });
  await expect(repeatable).resolves.toMatchObject({ data: { Id: expect.any(String) } });
  await expect(page).resolves.toMatchObject({ data: { NextToken: "next" } });
  expect((await established)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
  expect(events).toEqual(["lost"]);
  expect(service.sockets.length).toBe(sockets + 1);
  const received = next((callback) => session.onMessage(callback));
  const item = service.push(chat);
  expect((await received)[0]?.[0]).toMatchObject({ data: item });
  await expect(neverTold.connect()).resolves.toMatchObject({ connectSuccess: true });
  await expect(culprit.connect()).resolves.toMatchObject({ connectSuccess: true });
  await service.stop();
});

test("a session of a socket manager goes on without a word, and a tracked transcript begins anew", async () => {
  const service = await Service.start();
  service.stored = [];
  let bring: (frame: { content: unknown }) => void = () => undefined;
  let subscriptions = 0;
  let tokens = 0;
  const on = () => () => undefined;
  const manager = {
    subscribeTopics: () => subscriptions++,
    onMessage: (_: string, callback: typeof bring) => {
      bring = callback;
      return () => undefined;
    },
    onConnectionGain: on,
    onConnectionLost: on,
    onInitFailure: on,
  };
  const getConnectionToken = async () => ({
    chatTokenTransport: { participantToken: `chat-token-${++tokens}`, expiry: "2100-01-01T00:00:00.000Z" },
  });
  const agent = begin(service, { manager, getConnectionToken }, true);
  const customer = begin(service);
  customer.track();
  for (const session of [agent, customer]) await session.call({ type: "connect" });
  const until = async (session: Direct, name: string) => {
    while (!names(session).includes(name)) await session.next();
  };
  await until(customer, "transcript");
  const item = service.push(customer.chat);
  while (customer.items.length === 0) await customer.next();
  agent.events.length = customer.events.length = 0;

  panic();
  service.push(customer.chat);
  service.stored = [item];
  await until(customer, "established");
  await until(customer, "transcript");
  const told = names(customer).filter((name) => name !== "deepHeartbeat");
  expect(told).toEqual(["reset", "lost", "established", "transcript"]);
  expect(customer.events.at(-1)).toMatchObject({ steps: [{ type: "insert", at: 0, body: item }] });
  bring({ content: JSON.stringify(service.item(agent.chat)) });
  expect(agent.items).toHaveLength(1);
  await vi.waitFor(() => expect(tokens).toBe(2));
  expect(names(agent)).toEqual(["reset"]);
  expect(subscriptions).toBe(1);
  // It is not marked as there once more.
  const ours = service
    .of("/participant/connection")
    .filter(({ headers }) => headers["x-amz-bearer"] === agent.chat.participantToken);
  expect(ours).toHaveLength(1);
  await service.stop();
});
