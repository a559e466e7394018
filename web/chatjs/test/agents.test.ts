/** Sessions of agents: tokens from the application, items from its socket manager. */
import { beforeAll, beforeEach, expect, test } from "vitest";

import { ChatSession } from "../src/index";
import { type Chat, ENDED, installWebSocket, newChat, next, rejection, Service } from "./service";

const CONNECTION = "/participant/connection";
const MESSAGE = "/participant/message";

let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  ChatSession.setGlobalConfig({ endpoint: service.endpoint });
  return () => service.stop();
});

/** A socket manager as Streams gives it: callbacks by what they are about. */
class Manager {
  readonly topics: string[][] = [];
  readonly #callbacks: Record<string, ((event: unknown) => void)[]> = {};

  subscribeTopics(topics: string[]): void {
    this.topics.push(topics);
  }

  onMessage(topic: string, callback: (frame: unknown) => void) {
    return this.#on(topic, callback);
  }
  onConnectionGain(callback: () => void) {
    return this.#on("gain", callback);
  }
  onConnectionLost(callback: () => void) {
    return this.#on("lost", callback);
  }
  onInitFailure(callback: () => void) {
    return this.#on("failure", callback);
  }

  tell(about: string, event?: unknown): void {
    for (const callback of this.#callbacks[about] ?? []) callback(event);
  }

  push(chat: Chat, members: Record<string, unknown> = {}): Record<string, unknown> {
    const item = {
      Id: "i",
      Type: "MESSAGE",
      ContentType: "text/plain",
      Content: "x",
      ContactId: chat.contactId,
      ...members,
    };
    this.tell("aws/chat", { topic: "aws/chat", content: JSON.stringify(item) });
    return item;
  }

  #on(about: string, callback: (event: unknown) => void): () => void {
    (this.#callbacks[about] ??= []).push(callback);
    return () => {
      this.#callbacks[about] = (this.#callbacks[about] ?? []).filter((other) => other !== callback);
    };
  }
}

const token = { chatTokenTransport: { participantToken: "agent-token", expiry: "2126-01-01T00:00:00.000Z" } };

/** A session of an agent, with what it was made with. */
function agent(getConnectionToken: unknown = () => Promise.resolve(token), manager = new Manager(), chat = newChat()) {
  const chatDetails = { ...chat, getConnectionToken } as Parameters<typeof ChatSession.create>[0]["chatDetails"];
  return { session: ChatSession.create({ chatDetails, type: "AGENT", websocketManager: manager }), manager, chat };
}

test("s046 s178 s180 s187: an agent connects with a token of the application's, and the service is told", async () => {
  const { session, chat } = agent();
  await expect(session.connect({ metadata: 1 })).resolves.toEqual({
    _debug: { websocketStatus: "Starting" },
    connectSuccess: true,
    connectCalled: true,
    metadata: 1,
  });
  expect(session.getChatDetails()).toEqual({
    ...chat,
    initialContactId: chat.contactId,
    connectionDetails: {
      url: null,
      expiry: null,
      transportLifeTimeInSeconds: 3540,
      connectionAcknowledged: false,
      connectionToken: "agent-token",
      connectionTokenExpiry: "2126-01-01T00:00:00.000Z",
    },
  });
  await service.until(() => service.of(CONNECTION).length === 1);
  const [acknowledgement] = service.of(CONNECTION);
  expect(acknowledgement?.body).toEqual({ ConnectParticipant: true });
  expect(acknowledgement?.headers["x-amz-bearer"]).toBe(chat.participantToken);
  await session.sendMessage({ message: "x", contentType: "text/plain" });
  expect(service.of(MESSAGE)[0]?.headers["x-amz-bearer"]).toBe("agent-token");
});

test("s012: for getConnectionToken the spelling in lower case goes before the other", async () => {
  const asked: string[] = [];
  const asks = (name: string) => () => {
    asked.push(name);
    return Promise.resolve(token);
  };
  const chatDetails = { ...newChat(), getConnectionToken: asks("small"), GetConnectionToken: asks("capital") };
  await ChatSession.create({ chatDetails, websocketManager: new Manager() }).connect();
  const capital = { ...newChat(), GetConnectionToken: asks("capital") };
  await ChatSession.create({ chatDetails: capital, websocketManager: new Manager() }).connect();
  expect(asked).toEqual(["small", "capital"]);
});

test("s181: when the application has no token the service is asked, and told in the same request", async () => {
  const { session, chat } = agent(() => Promise.reject(new Error("no")));
  await session.connect();
  expect(service.of(CONNECTION).map(({ body }) => body)).toEqual([
    { Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"], ConnectParticipant: true },
  ]);
  expect(session.getChatDetails().connectionDetails).toMatchObject({
    connectionAcknowledged: true,
    connectionToken: "connection-token",
  });
  expect(chat.participantToken).toBe(service.of(CONNECTION)[0]?.headers["x-amz-bearer"]);
});

test("s182: when that fails as well connect rejects with an error, and may be called again", async () => {
  const { session } = agent(() => Promise.reject(new Error("no")));
  service.answer(CONNECTION, { status: 400, body: { Message: "no" } });
  const rejected = (await rejection(session.connect({ metadata: 1 }))) as { _debug: Error };
  expect(rejected).toMatchObject({ connectSuccess: false, connectCalled: true, metadata: 1 });
  expect(rejected._debug).toBeInstanceOf(Error);
  expect(rejected._debug.message).toBe("[object Object]");
  expect(rejected._debug.cause).toMatchObject({ _debug: { statusCode: 400, message: "no" } });
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
});

test("s183: without getConnectionToken connect rejects with a TypeError and sends nothing", async () => {
  const { session } = agent(null);
  expect(await rejection(session.connect())).toEqual({
    _debug: expect.any(TypeError) as unknown,
    connectSuccess: false,
    connectCalled: true,
    metadata: null,
  });
  expect(service.requests).toHaveLength(0);
});

test("s016 s184 s185: items and changes of the connection come from the manager, for all sessions that have it", async () => {
  const { session, manager, chat } = agent();
  const other = agent(undefined, manager);
  const established = next((callback) => session.onConnectionEstablished(callback), 2);
  await Promise.all([session.connect(), other.session.connect()]);
  expect(manager.topics).toEqual([["aws/chat"]]);
  manager.tell("gain");
  const [first, second] = await established;
  expect(first?.[0]).toMatchObject({ connectSuccess: true });
  expect(second?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
  const message = next((callback) => session.onMessage(callback));
  const theirs: unknown[] = [];
  other.session.onMessage((event) => theirs.push(event));
  const item = manager.push(chat);
  expect((await message)[0]?.[0]).toEqual({ data: item, chatDetails: session.getChatDetails() });
  const lost = next((callback) => session.onConnectionLost(callback));
  manager.tell("lost", { code: 1006 });
  expect((await lost)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
  expect(theirs).toEqual([]);
});

test("s016: a customer's session may have a manager too, and its token from the service", async () => {
  const manager = new Manager();
  const chat = newChat();
  const session = ChatSession.create({ chatDetails: chat, type: "CUSTOMER", websocketManager: manager });
  await session.connect();
  expect(service.of(CONNECTION)[0]?.body).toEqual({ Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
  expect(manager.topics).toEqual([["aws/chat"]]);
  expect(service.sockets).toHaveLength(0);
  const message = next((callback) => session.onMessage(callback));
  manager.push(chat);
  await message;
});

test("s186_mended: an agent without a manager connects and then is broken", async () => {
  const asked: number[] = [];
  const chatDetails = { ...newChat(), getConnectionToken: () => (asked.push(1), Promise.resolve(token)) };
  const session = ChatSession.create({ chatDetails, type: "AGENT" });
  const broken = next((callback) => session.onConnectionBroken(callback));
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
  expect((await broken)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
  expect(asked.length).toBeGreaterThan(0);
});

test("s163 s188: when one of an agent's chats ends the others go on", async () => {
  const { session, manager, chat } = agent();
  const other = agent(undefined, manager);
  await Promise.all([session.connect(), other.session.connect()]);
  manager.tell("gain");
  const ended = next((callback) => session.onEnded(callback));
  manager.push(chat, { ContentType: ENDED, Type: "EVENT" });
  await ended;
  expect(await rejection(session.sendMessage({ message: "x", contentType: "text/plain" }))).toMatch(/No active/);
  const message = next((callback) => other.session.onMessage(callback));
  manager.push(other.chat);
  await message;
});

test("s142_mended_d16: what an agent sends is listed as an agent's", async () => {
  const { session } = agent();
  await session.connect();
  const update = next((callback) => session.onTranscriptUpdated(callback));
  await session.sendMessage({ message: "x", contentType: "text/plain" });
  expect((await update)[0]?.[0]).toMatchObject({ data: { transcript: [{ ParticipantRole: "AGENT" }] } });
});
