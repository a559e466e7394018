import { beforeAll, beforeEach, expect, test } from "vitest";

import { connectSession, createSession, installWebSocket, newChat, next, rejection, Service } from "./service";

const CONNECTION = "/participant/connection";
let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});

test("s044_mended_d5: a connect that failed may be repeated, and one that is under way or done is not made twice", async () => {
  const { session } = createSession(service);
  service.answer(CONNECTION, { status: 403, body: { Message: "no" } });
  await rejection(session.connect());
  const again = session.connect();
  expect(session.connect()).toBe(again);
  await expect(again).resolves.toMatchObject({ connectSuccess: true });
  expect(session.connect()).toBe(again);
  expect(service.of(CONNECTION)).toHaveLength(2);
});

test("s045: a customer asks for a socket and credentials with the participant token", async () => {
  const { session, chat } = createSession(service);
  await session.connect();
  const [request] = service.of(CONNECTION);
  expect(request?.body).toEqual({ Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"] });
  expect(request?.headers["x-amz-bearer"]).toBe(chat.participantToken);
  expect(request?.headers["content-type"]).toBe("application/json");
});

test("s046: connect resolves before the socket is open", async () => {
  const { session } = createSession(service);
  const metadata = { any: "thing" };
  await expect(session.connect({ metadata })).resolves.toEqual({
    _debug: { websocketStatus: "Starting" },
    connectSuccess: true,
    connectCalled: true,
    metadata,
  });
  expect(service.sockets).toHaveLength(0);
});

test("s048: connect rejects with what the service said", async () => {
  const { session } = createSession(service);
  service.answer(CONNECTION, {
    status: 403,
    headers: { "x-amzn-ErrorType": "AccessDeniedException:http://example.com/" },
    body: { Message: "Access denied" },
  });
  const error = await rejection(session.connect({ metadata: 7 }));
  expect(error).toEqual({
    _debug: {
      reason: "Failed to fetch connectionDetails with createParticipantConnection",
      _debug: {
        type: "AccessDeniedException",
        message: "Access denied",
        stack: expect.arrayContaining(["AccessDeniedException: Access denied"]),
        statusCode: 403,
      },
    },
    connectSuccess: false,
    connectCalled: true,
    metadata: 7,
  });
});

test("s049: connect without arguments is connect with none", async () => {
  const { session } = createSession(service);
  await expect(session.connect()).resolves.toMatchObject({ metadata: null });
});

test("s050 s051 s052: established comes twice, first for connect and then for the socket", async () => {
  const { session } = createSession(service);
  const events = next((callback) => session.onConnectionEstablished(callback), 2);
  await session.connect({ metadata: "m" });
  const [[first], [second]] = (await events) as [[object], [object]];
  expect(first).toEqual({
    chatDetails: session.getChatDetails(),
    _debug: { websocketStatus: "Starting" },
    connectSuccess: true,
    connectCalled: true,
    metadata: "m",
  });
  expect(second).toEqual({ data: {}, chatDetails: session.getChatDetails() });
});

test("s053: an answer without a socket rejects", async () => {
  const { session } = createSession(service);
  service.answer(CONNECTION, { status: 200, body: { ConnectionCredentials: { ConnectionToken: "x", Expiry: "" } } });
  expect(await rejection(session.connect())).toMatchObject({ connectSuccess: false });
});

test("s056: the details of a chat hold the first connection", async () => {
  const chat = newChat();
  const { session } = createSession(service, chat);
  const before = { ...chat, initialContactId: chat.contactId, connectionDetails: undefined };
  expect(session.getChatDetails()).toEqual(before);
  await session.connect();
  const { connectionDetails } = session.getChatDetails();
  expect(connectionDetails).toEqual({
    url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/socket\?secret$/),
    expiry: expect.stringMatching(/Z$/),
    transportLifeTimeInSeconds: 3540,
    connectionAcknowledged: false,
    connectionToken: "connection-token",
    connectionTokenExpiry: expect.stringMatching(/Z$/),
  });
});

test("s155 s156: a lost socket is replaced, and the application hears of both", async () => {
  const { session } = await connectSession(service);
  const lost = next((callback) => session.onConnectionLost(callback));
  const established = next((callback) => session.onConnectionEstablished(callback));
  service.sockets.at(-1)?.terminate();
  const event = { data: {}, chatDetails: session.getChatDetails() };
  expect((await lost)[0]?.[0]).toEqual(event);
  expect((await established)[0]?.[0]).toEqual(event);
  expect(service.sockets).toHaveLength(2);
});

test("s155: d1 mended: a failed request while reconnecting is made again", async () => {
  const { session } = await connectSession(service);
  const established = next((callback) => session.onConnectionEstablished(callback));
  let broken = 0;
  session.onConnectionBroken(() => broken++);
  service.answer(CONNECTION, null);
  service.answer(CONNECTION, { status: 500, body: "" });
  service.sockets.at(-1)?.terminate();
  await established;
  expect(broken).toBe(0);
});

test("s157: what cannot be mended ends in broken", async () => {
  const { session } = await connectSession(service);
  const broken = next((callback) => session.onConnectionBroken(callback));
  service.answer(CONNECTION, { status: 400, body: { Message: "no" } });
  service.sockets.at(-1)?.terminate();
  expect((await broken)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
  // Calls still work, and so does connecting again (D5).
  await expect(session.sendMessage({ message: "x", contentType: "text/plain" })).resolves.toBeDefined();
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
});

test("s158: an answered ping is a deep heartbeat", async () => {
  const { session } = createSession(service);
  const success = next((callback) => session.onDeepHeartbeatSuccess(callback));
  await session.connect();
  expect((await success)[0]?.[0]).toEqual({ data: {}, chatDetails: session.getChatDetails() });
});

test("a URL that no socket can be opened with does not stop the page", async () => {
  const { session } = createSession(service);
  const lost = next((callback) => session.onConnectionLost(callback));
  const body = {
    Websocket: { Url: "ws://:bad:", ConnectionExpiry: "2030-01-01T00:00:00.000Z" },
    ConnectionCredentials: { ConnectionToken: "x", Expiry: "2030-01-01T00:00:00.000Z" },
  };
  service.answer(CONNECTION, { status: 200, body });
  await expect(session.connect()).resolves.toMatchObject({ connectSuccess: true });
  await lost;
});
