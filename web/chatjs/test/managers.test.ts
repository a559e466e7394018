/** Sessions of agents: tokens and socket managers of the application's. */
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import type { SocketManager } from "../src/host/managers";
import { begin, type Direct, names } from "./direct";
import { installWebSocket, newChat, Service } from "./service";

const CONNECTION = "/participant/connection";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
});
afterEach(() => service.stop());

type Callback = (value?: unknown) => void;

/** A manager as Streams gives it: nothing is repeated, and it cannot be closed (docs/protocol/streams.md §1). */
class Manager {
  readonly topics: string[][] = [];
  readonly callbacks = new Map<string, Callback[]>();

  subscribeTopics(topics: string[]): void {
    this.topics.push(topics);
  }

  on(name: string, callback: Callback): () => void {
    const list = this.callbacks.get(name) ?? [];
    this.callbacks.set(name, [...list, callback]);
    return () =>
      this.callbacks.set(
        name,
        (this.callbacks.get(name) ?? []).filter((other) => other !== callback),
      );
  }

  onMessage = (topic: string, callback: Callback) => this.on(topic, callback);
  onConnectionGain = (callback: Callback) => this.on("gain", callback);
  onConnectionLost = (callback: Callback) => this.on("lost", callback);
  onInitFailure = (callback: Callback) => this.on("failure", callback);

  say(name: string, value?: unknown): void {
    for (const callback of this.callbacks.get(name) ?? []) callback(value);
  }

  bring(item: unknown): void {
    this.say("aws/chat", { topic: "aws/chat", content: typeof item === "string" ? item : JSON.stringify(item) });
  }
}

const TOMORROW = new Date(Date.now() + 86_400_000).toISOString();

function token(participantToken = "chat-token", expiry = TOMORROW) {
  return { chatTokenTransport: { participantToken, expiry } };
}

/** An agent's session that is connected and acknowledged. */
async function agent(manager: Manager, getConnectionToken = async () => token()): Promise<Direct> {
  const acknowledged = service.of(CONNECTION).length + 1;
  const session = begin(service, { manager: manager as unknown as SocketManager, getConnectionToken }, true);
  await session.call({ type: "connect" });
  await service.until(() => service.of(CONNECTION).length >= acknowledged);
  return session;
}

test("s178 s179 s180 s187: the token is the application's, and the service hears once that the agent is there", async () => {
  let asked = 0;
  const manager = new Manager();
  const session = await agent(manager, async () => token(`chat-token-${++asked}`));
  expect(asked).toBe(1);
  expect(manager.topics).toEqual([["aws/chat"]]);
  expect(names(session)).toEqual(["connected"]);
  expect(session.connections).toEqual([
    {
      url: null,
      expiry: null,
      transportLifeTimeInSeconds: 3540,
      connectionAcknowledged: false,
      connectionToken: "chat-token-1",
      connectionTokenExpiry: TOMORROW,
    },
  ]);
  const [acknowledgement, ...others] = service.of(CONNECTION);
  expect(others).toEqual([]);
  expect(acknowledgement).toMatchObject({
    headers: { "x-amz-bearer": session.chat.participantToken },
    body: { ConnectParticipant: true },
  });
  await session.call({ type: "sendEvent", contentType: "text/plain", content: undefined, clientToken: undefined });
  expect(service.of("/participant/event")[0]?.headers["x-amz-bearer"]).toBe("chat-token-1");
  expect(service.sockets).toHaveLength(0);
});

test.each([
  ["rejects", () => Promise.reject(new Error("no transport"))],
  [
    "throws",
    () => {
      throw new Error("no transport");
    },
  ],
  ["has no token", () => Promise.resolve({} as ReturnType<typeof token>)],
])(
  "s181: an application that %s has the service asked, which marks the agent as there",
  async (_, getConnectionToken) => {
    const manager = new Manager();
    const session = begin(service, { manager: manager as unknown as SocketManager, getConnectionToken }, true);
    await session.call({ type: "connect" });
    expect(service.of(CONNECTION).map(({ body }) => body)).toEqual([
      { Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"], ConnectParticipant: true },
    ]);
    expect(session.connections.map((details) => details?.connectionAcknowledged)).toEqual([true]);
    expect(service.sockets).toHaveLength(0);
  },
);

test("s182: connect fails when the service refuses as well", async () => {
  const session = begin(service, { getConnectionToken: () => Promise.reject(new Error("no")) }, true);
  service.answer(CONNECTION, { status: 403, headers: { "x-amzn-ErrorType": "AccessDeniedException" }, body: {} });
  await expect(session.call({ type: "connect" })).rejects.toMatchObject({ name: "AccessDeniedException", status: 403 });
});

test("s186: without a socket manager the session breaks as soon as it is connected", async () => {
  const session = begin(service, { getConnectionToken: async () => token() }, true);
  await session.call({ type: "connect" });
  while (!names(session).includes("broken")) await session.next();
  expect(names(session)).toEqual(["connected", "broken"]);
});

test("s128 s184: one subscription serves all chats, and each gets the object that was parsed once", async () => {
  const manager = new Manager();
  const [one, two] = [await agent(manager), await agent(manager)];
  expect(manager.topics).toHaveLength(1);
  const item = service.item(two.chat);
  manager.bring(item);
  expect(one.items).toEqual([]);
  expect(two.items).toEqual([{ kind: 0, item }]);
  manager.bring(service.item(newChat()));
  manager.bring("no item");
  manager.say("aws/chat", { content: item });
  manager.say("aws/chat", {});
  expect(two.items).toHaveLength(1);
});

test("s124 s129 s131: receipts of every contact, and parts of streamed messages, come over it too", async () => {
  const manager = new Manager();
  const [one, two] = [await agent(manager), await agent(manager)];
  const receipt = {
    Type: "MESSAGEMETADATA",
    Id: "receipt-1",
    MessageMetadata: { MessageId: "m", Receipts: [{ ReadTimestamp: "t", RecipientParticipantId: "customer" }] },
  };
  manager.bring(receipt);
  for (const session of [one, two]) expect(session.items).toEqual([{ kind: 2, item: receipt }]);
  const part = (ChunkNumber: number, Content: string, MessageCompleted = false) =>
    service.item(one.chat, {
      Id: "bot-1",
      ParticipantRole: "SYSTEM",
      Content,
      MessageMetadata: { MessageId: "bot-1", ChunkNumber, MessageCompleted },
    });
  manager.bring(part(1, "Hel"));
  manager.bring(part(2, "lo"));
  expect(one.items.slice(1).map(({ item }) => item["Content"])).toEqual(["Hel", "Hello"]);
});

test("s155 s156 s157 s185: losses, gains and the end of a manager are told to each of its sessions", async () => {
  const manager = new Manager();
  const sessions = [await agent(manager), await agent(manager)];
  for (const name of ["lost", "gain", "failure"]) manager.say(name);
  for (const session of sessions) expect(names(session)).toEqual(["connected", "lost", "established", "broken"]);
});

test("s158 s196: deep heartbeats are told by managers that have them", async () => {
  const manager = Object.assign(new Manager(), {
    onDeepHeartbeatSuccess: (callback: Callback) => manager.on("success", callback),
    onDeepHeartbeatFailure: (callback: Callback) => manager.on("missed", callback),
  });
  const session = await agent(manager);
  manager.say("success");
  manager.say("missed");
  expect(session.events.slice(1)).toMatchObject([
    { type: "deepHeartbeat", success: true },
    { type: "deepHeartbeat", success: false },
  ]);
});

test("s184 s188: a manager is kept after the last chat, and another one takes its place and closes it", async () => {
  let closed = 0;
  const first = Object.assign(new Manager(), { closeWebSocket: () => closed++ });
  const session = await agent(first);
  session.forget();
  const later = await agent(first);
  expect(first.topics).toHaveLength(1);
  expect(closed).toBe(0);
  const second = new Manager();
  await agent(second);
  expect(closed).toBe(1);
  expect([...first.callbacks.values()].flat()).toEqual([]);
  first.bring(service.item(later.chat));
  expect(later.items).toEqual([]);
});

test("s016: a customer may use a socket manager, with a token of the service's", async () => {
  const manager = new Manager();
  const session = begin(service, { manager: manager as unknown as SocketManager });
  await session.call({ type: "connect" });
  expect(service.of(CONNECTION)).toHaveLength(1);
  const item = service.item(session.chat);
  manager.bring(item);
  expect(session.items).toEqual([{ kind: 0, item }]);
  expect(service.sockets).toHaveLength(0);
});

test("a manager that cannot be used breaks its sessions and nothing else", async () => {
  const session = begin(service, { manager: {} as SocketManager, getConnectionToken: async () => token() }, true);
  await session.call({ type: "connect" });
  while (!names(session).includes("broken")) await session.next();
  await expect((await agent(new Manager())).call({ type: "connect" })).resolves.toBeDefined();
});

test("what a manager took before it threw is taken away again", async () => {
  const manager = Object.assign(new Manager(), {
    onInitFailure: (): (() => void) => {
      throw new Error("not today");
    },
  });
  const session = begin(
    service,
    { manager: manager as unknown as SocketManager, getConnectionToken: async () => token() },
    true,
  );
  await session.call({ type: "connect" });
  while (!names(session).includes("broken")) await session.next();
  expect([...manager.callbacks.values()].flat()).toEqual([]);
});

test("s188: a manager that cannot be closed is listened to no longer", async () => {
  const first = Object.assign(new Manager(), {
    closeWebSocket: () => {
      throw new Error("not today");
    },
  });
  await agent(first);
  await agent(new Manager());
  expect([...first.callbacks.values()].flat()).toEqual([]);
});

test.each([
  ["a token that is no text", () => Promise.resolve(token(5 as unknown as string))],
  ["something without a text", () => Promise.reject(Object.create(null) as Error)],
])("s181: an application that brings %s has the service asked", async (_, getConnectionToken) => {
  const manager = new Manager();
  const session = begin(service, { manager: manager as unknown as SocketManager, getConnectionToken }, true);
  await session.call({ type: "connect" });
  expect(service.of(CONNECTION)).toHaveLength(1);
});
