/** Views, signing in, and where attachments are. */
import { beforeAll, beforeEach, expect, test } from "vitest";

import {
  ANSWER,
  connectSession,
  connectedSession,
  createSession,
  ENDED,
  installWebSocket,
  next,
  rejection,
  Service,
} from "./service";

let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});

test("s059 s070: a view is read, and what the service answers is passed on", async () => {
  const { session } = await connectedSession(service);
  const path = "/participant/views/a%2Fb%20c";
  service.answer(path, { status: 200, body: { View: { Content: { Template: "{}" } } } });
  await expect(session.describeView({ viewToken: "a/b c", metadata: 1 })).resolves.toEqual({
    data: { ...ANSWER, View: { Content: { Template: "{}" } } },
    metadata: 1,
  });
  expect(service.of(path)[0]?.method).toBe("GET");
});

test("s071: the calls about signing in pass their arguments on", async () => {
  const { session } = await connectedSession(service);
  const ask = "/participant/authentication-url";
  service.answer(ask, { status: 200, body: { AuthenticationUrl: "https://example.com" } });
  await expect(session.getAuthenticationUrl({ redirectUri: "r", sessionId: "s" })).resolves.toEqual({
    data: { ...ANSWER, AuthenticationUrl: "https://example.com" },
    metadata: null,
  });
  expect(service.of(ask)[0]?.body).toEqual({ RedirectUri: "r", SessionId: "s" });
  const cancel = "/participant/cancel-authentication";
  service.answer(cancel, { status: 200, body: {} });
  await expect(session.cancelParticipantAuthentication({ sessionId: "s", metadata: "m" })).resolves.toEqual({
    data: ANSWER,
    metadata: "m",
  });
  expect(service.of(cancel)[0]?.body).toEqual({ SessionId: "s" });
});

test("the metadata of a call is read first, as in the original", async () => {
  const { session } = await connectedSession(service);
  const nothing = null as never;
  const words = "Cannot read properties of null (reading 'metadata')";
  expect(() => session.getTranscript(nothing)).toThrow(words);
  expect(() => session.sendAttachment(nothing)).toThrow(words);
  expect(() => session.getAttachmentURL(nothing)).toThrow(words);
  expect(() => session.downloadAttachment(nothing)).toThrow(words);
});

test("s060: views that cannot be read reject as other calls do", async () => {
  const { session } = await connectedSession(service);
  service.answer("/participant/views/v", { status: 400, body: { __type: "ValidationException", Message: "no" } });
  expect(await rejection(session.describeView({ viewToken: "v", metadata: 2 }))).toMatchObject({
    type: "ValidationException",
    message: "no",
    statusCode: 400,
    metadata: 2,
  });
});

test("s058: views and signing in throw before connect, and are still sent after the end", async () => {
  const before = createSession(service).session;
  const calls = [
    (session: typeof before) => session.describeView({ viewToken: "v" }),
    (session: typeof before) => session.getAuthenticationUrl({ redirectUri: "r", sessionId: "s" }),
    (session: typeof before) => session.cancelParticipantAuthentication({ sessionId: "s" }),
  ];
  for (const call of calls) expect(() => call(before)).toThrow(TypeError);
  const { session, chat } = await connectSession(service);
  await end(session, chat);
  const requests = service.requests.length;
  for (const call of calls) await call(session);
  expect(service.requests).toHaveLength(requests + calls.length);
});

test("of many chats that are over the oldest is forgotten", async () => {
  const { session, chat } = await connectSession(service);
  await end(session, chat);
  for (let others = 0; others < 20; others++) {
    const other = await connectSession(service);
    await end(other.session, other.chat);
  }
  expect(await rejection(session.describeView({ viewToken: "v" }))).toMatchObject({ type: "AbortError" });
});

test("s078: where an attachment is comes as a text", async () => {
  const { session } = await connectedSession(service);
  const path = "/participant/attachment";
  service.answer(path, { status: 200, body: { Url: "https://example.com/file", UrlExpiry: "2026-01-01T00:00:00Z" } });
  await expect(session.getAttachmentURL({ attachmentId: "a-1", metadata: 1 })).resolves.toBe(
    "https://example.com/file",
  );
  expect(service.of(path)[0]?.body).toEqual({ AttachmentId: "a-1" });
  service.answer(path, { status: 403, body: { Message: "no" } });
  service.answer(path, { status: 403, body: { Message: "no" } });
  expect(await rejection(session.getAttachmentURL({ attachmentId: "a-1", metadata: 1 }))).toMatchObject({
    statusCode: 403,
    metadata: 1,
  });
});

test("s057: files need a connection", async () => {
  const { session } = createSession(service);
  const texts = [
    session.sendAttachment({ attachment: new File(["x"], "x.txt") }),
    session.downloadAttachment({ attachmentId: "a" }),
    session.getAttachmentURL({ attachmentId: "a" }),
  ].map(rejection);
  expect(await Promise.all(texts)).toEqual(
    ["sendAttachment", "downloadAttachment", "getAttachmentURL"].map(
      (method) => `Failed to call ${method}, No active connection`,
    ),
  );
});

test("s061: calls without arguments throw at once", async () => {
  const { session } = await connectedSession(service);
  const loose = session as unknown as Record<string, (args?: unknown) => unknown>;
  const methods = ["downloadAttachment", "getAttachmentURL", "describeView", "getAuthenticationUrl"];
  for (const method of [...methods, "cancelParticipantAuthentication"]) {
    for (const args of [undefined, null]) expect(() => loose[method]?.(args), method).toThrow(TypeError);
  }
});

test("s049: connect takes no arguments for none, though not null", async () => {
  const { session } = createSession(service);
  expect(() => (session.connect as (args: unknown) => unknown)(null)).toThrow(TypeError);
  await expect(session.connect()).resolves.toMatchObject({ metadata: null });
});

test("the newest connection token is where applications look for it", async () => {
  const { session } = createSession(service);
  expect(session.controller.connectionHelper).toBeUndefined();
  expect(session.controller.connectionDetailsProvider).toBeNull();
  await session.connect();
  expect(session.controller.connectionHelper?.getConnectionToken()).toBe("connection-token");
  expect(session.controller.connectionHelper?.getStatus()).toBe("Starting");
  expect(session.controller.connectionDetailsProvider?.getFetchedConnectionToken()).toBe("connection-token");
  // The token is refused: another one is fetched, and the details stay those of the first.
  service.answer("/participant/message", { status: 403, body: { Message: "old" } });
  service.answer("/participant/connection", {
    status: 200,
    body: {
      Websocket: { Url: "wss://example.com", ConnectionExpiry: "2126-01-01T00:00:00.000Z" },
      ConnectionCredentials: { ConnectionToken: "newer-token", Expiry: "2126-01-01T00:00:00.000Z" },
    },
  });
  await session.sendMessage({ message: "x", contentType: "text/plain" });
  expect(session.controller.connectionHelper?.getConnectionToken()).toBe("newer-token");
  expect(session.getChatDetails().connectionDetails?.connectionToken).toBe("connection-token");
});

test("s076: without a file sendAttachment throws", async () => {
  const { session } = await connectedSession(service);
  expect(() => (session.sendAttachment as (args: unknown) => unknown)({})).toThrow(TypeError);
});

test("s083: the state of the connection can be asked for once there is one", async () => {
  const { session } = createSession(service);
  expect(() => session.controller.getConnectionStatus()).toThrow(TypeError);
  const established = next((callback) => session.onConnectionEstablished(callback), 2);
  await session.connect();
  expect(session.controller.getConnectionStatus()).toBe("Establishing");
  await established;
  expect(session.controller.getConnectionStatus()).toBe("Established");
  const lost = next((callback) => session.onConnectionLost(callback));
  service.sockets.at(-1)?.terminate();
  await lost;
  expect(session.controller.getConnectionStatus()).toBe("Broken");
});

test("breaking the connection closes the socket and sends nothing", async () => {
  const { session } = await connectSession(service);
  const requests = service.requests.length;
  const closed = new Promise((resolve) => service.sockets.at(-1)?.on("close", resolve));
  session.controller.breakConnection();
  await closed;
  expect(await rejection(session.sendMessage({ message: "x", contentType: "text/plain" }))).toMatch(/No active/);
  expect(service.requests).toHaveLength(requests);
});

async function end(session: Awaited<ReturnType<typeof connectedSession>>["session"], chat: { contactId: string }) {
  const ended = next((callback) => session.onEnded(callback));
  service.push({ ...chat, participantId: "", participantToken: "" }, { ContentType: ENDED, Type: "EVENT" });
  await ended;
}

test("an argument that has no JSON rejects its call, and no session suffers", async () => {
  const { session } = await connectedSession(service);
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  for (const viewToken of [10n, circle, { toJSON: () => void circle["none"]!.toString() }, 10n]) {
    await expect(session.describeView({ viewToken: viewToken as unknown as string })).rejects.toMatchObject({
      type: "ValidationException",
    });
  }
  expect(session.controller.getConnectionStatus()).not.toBe("Broken");
  service.answer("/participant/views/v", { status: 200, body: { View: {} } });
  await expect(session.describeView({ viewToken: "v" })).resolves.toMatchObject({ data: { View: {} } });
});
