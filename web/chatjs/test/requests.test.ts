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
  TYPING,
} from "./service";

const MESSAGE = "/participant/message";
const EVENT = "/participant/event";
const TRANSCRIPT = "/participant/transcript";
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});

const hello = { message: "hello", contentType: "text/plain" };

test("s057: calls before connect reject with a text, whatever their arguments", async () => {
  const { session } = createSession(service);
  for (const method of ["sendMessage", "sendEvent", "getTranscript", "disconnectParticipant"] as const) {
    const call = session[method] as (this: unknown, args?: unknown) => Promise<unknown>;
    expect(await rejection(call.call(session))).toBe(`Failed to call ${method}, No active connection`);
  }
  expect(service.requests).toHaveLength(0);
});

test("s057: calls after the end of the chat reject with the same text", async () => {
  const { session, chat } = await connectSession(service);
  const ended = next((callback) => session.onEnded(callback));
  service.push(chat, { ContentType: ENDED, Type: "EVENT", Content: undefined });
  await ended;
  expect(await rejection(session.sendMessage(hello))).toBe("Failed to call sendMessage, No active connection");
});

test("s059: a result holds the answer with its metadata, and the caller's", async () => {
  const { session } = await connectedSession(service);
  const metadata = { mine: 1 };
  await expect(session.sendMessage({ ...hello, metadata })).resolves.toEqual({
    data: {
      ...ANSWER,
      Id: "sent-1",
      AbsoluteTime: "2026-01-01T00:00:00.000Z",
    },
    metadata,
  });
  await expect(session.sendMessage(hello)).resolves.toMatchObject({ metadata: null });
});

test("s059: members that nobody knows survive", async () => {
  const { session } = await connectedSession(service);
  const { data } = await session.getTranscript({});
  expect(data).toMatchObject({ Transcript: [{ Id: "i-1", Extra: 1.5 }], NextToken: "next" });
});

test("s060: a failure is a plain object with the name of the error", async () => {
  const { session } = await connectedSession(service);
  service.answer(MESSAGE, {
    status: 400,
    headers: { "x-amzn-ErrorType": "ValidationException" },
    body: { Message: "m" },
  });
  expect(await rejection(session.sendMessage({ ...hello, metadata: "mine" }))).toEqual({
    type: "ValidationException",
    message: "m",
    stack: expect.arrayContaining(["ValidationException: m"]),
    statusCode: 400,
    metadata: "mine",
  });
});

test("s060: a service that cannot be reached is a TypeError without a status", async () => {
  const { session } = await connectedSession(service);
  service.answer(MESSAGE, null);
  expect(await rejection(session.sendMessage(hello))).toMatchObject({
    type: "TypeError",
    message: "fetch failed",
    statusCode: undefined,
    metadata: null,
  });
});

test("s060: an answer that is no JSON is a SyntaxError", async () => {
  const { session } = await connectedSession(service);
  service.answer(MESSAGE, { status: 200, body: "<html>" });
  expect(await rejection(session.sendMessage(hello))).toMatchObject({ type: "SyntaxError", statusCode: undefined });
});

test("s060: a server error is tried three times", async () => {
  const { session } = await connectedSession(service);
  for (let attempt = 0; attempt < 3; attempt++) service.answer(MESSAGE, { status: 503, body: { Message: "busy" } });
  expect(await rejection(session.sendMessage(hello))).toMatchObject({ statusCode: 503, message: "busy" });
  expect(service.of(MESSAGE)).toHaveLength(3);
  const tokens = service.of(MESSAGE).map((request) => request.body["ClientToken"]);
  expect(new Set(tokens).size).toBe(1);
});

test("s061: calls without arguments throw, but for getTranscript", async () => {
  const { session } = await connectedSession(service);
  const loose = session as unknown as Record<
    "sendMessage" | "sendEvent" | "getTranscript",
    (args?: unknown) => unknown
  >;
  expect(() => loose.sendMessage()).toThrow(TypeError);
  expect(() => loose.sendEvent()).toThrow(TypeError);
  expect(() => loose.getTranscript(null)).toThrow(TypeError);
  await expect(loose.getTranscript()).resolves.toBeDefined();
});

test("s062 s066: a message goes out with the connection token and a client token", async () => {
  const { session } = await connectedSession(service);
  await session.sendMessage(hello);
  await session.sendMessage({ ...hello, clientToken: "mine" });
  const [first, second] = service.of(MESSAGE);
  expect(first?.headers["x-amz-bearer"]).toBe("connection-token");
  expect(first?.body).toEqual({
    ClientToken: expect.stringMatching(UUID),
    Content: "hello",
    ContentType: "text/plain",
  });
  expect(second?.body["ClientToken"]).toBe("mine");
});

test("s063: a message must be a string, and an empty one is sent", async () => {
  const { session } = await connectedSession(service);
  const send = () => session.sendMessage({ message: 7 as unknown as string, contentType: "text/plain" });
  expect(send).toThrow(expect.objectContaining({ name: "IllegalArgument", message: "7is not a valid message" }));
  await session.sendMessage({ message: "", contentType: "text/plain" });
  expect(service.of(MESSAGE)[0]?.body["Content"]).toBe("");
});

test("s064: a content type must be one of the list, and an event's or a file's will do", async () => {
  const { session } = await connectedSession(service);
  expect(() => session.sendMessage({ message: "x", contentType: "text/html" })).toThrow(
    /^contentType passed \(text\/html\) is not valid\. Allowed values are: text\/plain,text\/markdown,/,
  );
  for (const contentType of [TYPING, "application/pdf"]) await session.sendMessage({ message: "x", contentType });
  expect(service.of(MESSAGE)).toHaveLength(2);
});

test("s067: a message keeps every character", async () => {
  const { session } = await connectedSession(service);
  const message = ' \u0000 "quoted" \\ \u{1F600} é \u2028 \n';
  await session.sendMessage({ message, contentType: "text/plain" });
  expect(service.of(MESSAGE)[0]?.body["Content"]).toBe(message);
});

test("s067: half a character is sent as U+FFFD", async () => {
  const { session } = await connectedSession(service);
  await session.sendMessage({ message: "a\ud83d", contentType: "text/plain" });
  expect(service.of(MESSAGE)[0]?.body["Content"]).toBe("a\ufffd");
});

test("s067: a long message is sent whole", async () => {
  const { session } = await connectedSession(service);
  const message = "é".repeat(40_000);
  await session.sendMessage({ message, contentType: "text/plain" });
  await session.sendMessage(hello);
  expect(service.of(MESSAGE).map((request) => request.body["Content"])).toEqual([message, "hello"]);
});

test("s068 s069: a page of the transcript has defaults and always a start position", async () => {
  const { session } = await connectedSession(service);
  await session.getTranscript({ maxResults: 0, nextToken: "" });
  await session.getTranscript({
    contactId: "c",
    maxResults: 100,
    nextToken: "n",
    scanDirection: "FORWARD",
    sortOrder: "DESCENDING",
    startPosition: { id: "i", absoluteTime: "2026-01-01T00:00:00.000Z", mostRecent: 3 },
  });
  const [first, second] = service.of(TRANSCRIPT);
  expect(first?.body).toEqual({ MaxResults: 15, ScanDirection: "BACKWARD", SortOrder: "ASCENDING", StartPosition: {} });
  expect(second?.body).toEqual({
    ContactId: "c",
    MaxResults: 100,
    NextToken: "n",
    ScanDirection: "FORWARD",
    SortOrder: "DESCENDING",
    StartPosition: { Id: "i", AbsoluteTime: "2026-01-01T00:00:00.000Z", MostRecent: 3 },
  });
});

test("an argument of another type than documented is refused by name", async () => {
  const { session } = await connectedSession(service);
  const refused = rejection(session.getTranscript({ maxResults: "many" as unknown as number }));
  expect(await refused).toMatchObject({ type: "ValidationException", message: "maxResults is not an integer" });
});

test("s080: leaving has no metadata in its result, nor in its failure", async () => {
  const { session } = await connectedSession(service);
  await expect(session.disconnectParticipant()).resolves.toEqual({
    data: { $metadata: expect.objectContaining({ httpStatusCode: 200 }) },
  });
  expect(service.of("/participant/disconnect")[0]?.body).toEqual({ ClientToken: expect.stringMatching(UUID) });
  service.answer("/participant/disconnect", { status: 400, body: { Message: "m" } });
  expect(await rejection(session.disconnectParticipant())).not.toHaveProperty("metadata");
});

test("s081: messages after leaving still work until the chat ends", async () => {
  const { session } = await connectedSession(service);
  await session.disconnectParticipant();
  await expect(session.sendMessage(hello)).resolves.toBeDefined();
});

test("s081: the end of the chat does not take the answer of leaving away", async () => {
  const { session, chat } = await connectSession(service);
  const ended = next((callback) => session.onEnded(callback));
  const left = session.disconnectParticipant();
  service.push(chat, { ContentType: ENDED, Type: "EVENT" });
  await ended;
  await expect(left).resolves.toHaveProperty("data");
});

test("s084: two messages are on their way at once", async () => {
  const { session } = await connectedSession(service);
  const results = await Promise.all([session.sendMessage(hello), session.sendMessage(hello)]);
  expect(new Set(results.map((result) => result.data["Id"])).size).toBe(2);
});

test("s085 s086: the content of an event is JSON or nothing", async () => {
  const { session } = await connectedSession(service);
  await session.sendEvent({ contentType: TYPING, content: "" });
  expect(service.of(EVENT)[0]?.body).toEqual({ ClientToken: expect.stringMatching(UUID), ContentType: TYPING });
  expect(() => session.sendEvent({ contentType: TYPING, content: "not JSON" })).toThrow(SyntaxError);
  const acknowledged = "application/vnd.amazonaws.connect.event.connection.acknowledged";
  await session.sendEvent({ contentType: acknowledged, content: '{"a":1}', clientToken: "mine" });
  expect(service.of(EVENT)[1]?.body).toEqual({ ClientToken: "mine", Content: '{"a":1}', ContentType: acknowledged });
});

test("s088 s090: typing again is not sent and gives the answer of the first", async () => {
  const { session } = await connectedSession(service);
  const typing = (metadata: number) => session.sendEvent({ contentType: TYPING, metadata });
  const [first, second] = await Promise.all([typing(1), typing(2)]);
  const third = await typing(3);
  expect(service.of(EVENT)).toHaveLength(1);
  expect([second.data, third.data]).toEqual([first.data, first.data]);
  expect([first.metadata, second.metadata, third.metadata]).toEqual([1, 2, 3]);
});

test("s089_mended_d9: typing in one chat does not keep another from it", async () => {
  const [{ session: a }, { session: b }] = [await connectedSession(service), await connectedSession(service)];
  await Promise.all([a, b].map((session) => session.sendEvent({ contentType: TYPING })));
  expect(service.of(EVENT)).toHaveLength(2);
});

test("s031: the agent string ends with the original's name", async () => {
  await connectedSession(service);
  expect(service.requests[0]?.headers["x-amz-user-agent"]).toMatch(
    /^chatloom-chatjs\/\d\S+ AmazonConnect-ChatJS\/5\.0\.0$/,
  );
});
