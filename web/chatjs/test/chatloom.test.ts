/** Chatloom behaviour: what it adds for an application. */
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import type { ChatloomSession } from "../src/chatloom/session";
import { ChatSession } from "../src/index";
import { type Chat, installWebSocket, newChat, next, rejection, Service, TYPING } from "./service";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  service.stored = [];
});
afterEach(() => service.stop());

/** A session that is not connected yet, and everything it tells, in order. */
function open(chat: Chat = newChat()) {
  const session = ChatSession.create({
    chatDetails: chat,
    type: "CUSTOMER",
    options: { chatloom: { endpoint: `${service.endpoint}/` } },
  }) as ChatloomSession;
  const told: unknown[][] = [];
  const tell = (name: string) => (event: unknown) => told.push([name, (event as { data: unknown }).data]);
  session.onMessage((event) => told.push(["item", (event as { data: { Id: string } }).data.Id]));
  for (const name of ["onConnectionEstablished", "onConnectionLost", "onConnectionBroken", "onEnded"] as const) {
    session[name](() => told.push([name]));
  }
  session.onConnectionState((event) => told.push(["state", (event as { data: { state: string } }).data.state]));
  session.onGap(tell("gap"));
  session.onGapClosed(tell("gapClosed"));
  session.onCaughtUp(tell("caughtUp"));
  return { chat, session, told };
}

async function connected(chat?: Chat) {
  const opened = open(chat);
  const caughtUp = next((callback) => opened.session.onCaughtUp(callback));
  await opened.session.connect();
  await caughtUp;
  return opened;
}

const text = (message: string) => ({ message, contentType: "text/plain" });

test("d13 chatloom: a connection is told once, with each of its states", async () => {
  const { told, session } = await connected();
  expect(told).toEqual([["state", "connecting"], ["state", "online"], ["onConnectionEstablished"], ["caughtUp", {}]]);
  expect(session.getConnectionState()).toEqual({ state: "online" });
});

test("d06 d07 chatloom: what was missed comes to onMessage in order and once, before what is live", async () => {
  const chat = newChat();
  service.stored = Array.from({ length: 3 }, () => service.item(chat));
  const { told, session } = await connected(chat);
  const items = () => told.filter(([kind]) => kind === "item").map(([, id]) => id);
  expect(items()).toEqual(service.stored.map(({ Id }) => Id));

  // 250 items are missed, and some are live before the transcript can be read.
  const caughtUp = next((callback) => session.onCaughtUp(callback));
  service.stored.push(...Array.from({ length: 250 }, () => service.item(chat)));
  const sockets = service.sockets.length;
  service.sockets.at(-1)?.terminate();
  await service.until(() => service.sockets.length > sockets && service.frames.at(-1) !== undefined);
  await service.until(() => service.frames.filter((topic) => topic === "aws/subscribe").length === 2);
  for (let n = 0; n < 3; n++) service.push(chat);
  await caughtUp;
  const last = next((callback) => session.onMessage(callback));
  service.push(chat);
  await last;
  expect(items()).toEqual(service.stored.map(({ Id }) => Id));
  expect(told.filter(([kind]) => kind === "gap")).toEqual([]);
});

test("d06 chatloom: what arrives while the transcript is read comes after it", async () => {
  const chat = newChat();
  service.stored = [service.item(chat)];
  const real = globalThis.fetch;
  let asked = () => {};
  const reads = new Promise<void>((resolve) => (asked = resolve));
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  vi.stubGlobal("fetch", async (...call: Parameters<typeof fetch>) => {
    const response = await real(...call);
    if (String(call[0]).endsWith("/participant/transcript")) {
      asked();
      await answered;
    }
    return response;
  });
  const { session, told } = open(chat);
  const caughtUp = next((callback) => session.onCaughtUp(callback));
  await session.connect();
  await reads;
  // Typing waits for nothing, so by then what came before it has arrived.
  const typing = next((callback) => session.onTyping(callback));
  const live = service.push(chat);
  service.push(chat, { Type: "EVENT", ContentType: TYPING });
  await typing;
  answer();
  await caughtUp;
  vi.unstubAllGlobals();
  const items = told.filter(([kind]) => kind === "item").map(([, id]) => id);
  expect(items).toEqual([service.stored[0]?.["Id"], live["Id"]]);
});

test("d12 chatloom: messages are taken while the service is away, keep their order and tell their states", async () => {
  const { session } = await connected();
  const states: unknown[] = [];
  session.onMessageState((event) => {
    const { state, message, metadata, id } = (event as { data: Record<string, unknown> }).data;
    states.push([message, state, metadata, id]);
  });
  for (let n = 0; n < 2; n++) service.answer("/participant/message", null);
  const sent = ["one", "two"].map((message) => session.sendMessage({ ...text(message), metadata: `of ${message}` }));
  const results = await Promise.all(sent);
  expect(results.map(({ metadata }) => metadata)).toEqual(["of one", "of two"]);
  const [first, second, ...bodies] = service.of("/participant/message").map(({ body }) => body);
  expect([first, second, ...bodies].map((body) => body?.["Content"])).toEqual(["one", "one", "one", "two"]);
  expect(new Set([first, second, bodies[0]].map((body) => body?.["ClientToken"])).size).toBe(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(states).toEqual([
    ["one", "queued", "of one", undefined],
    ["one", "sending", "of one", undefined],
    ["two", "queued", "of two", undefined],
    ["one", "sent", "of one", results[0]?.data["Id"]],
    ["two", "sending", "of two", undefined],
    ["two", "sent", "of two", results[1]?.data["Id"]],
  ]);
});

test("a message that is refused does not hold up the others, and can be sent again or dropped", async () => {
  const { session } = await connected();
  const keys: number[] = [];
  session.onMessageState((event) => {
    const { key, state, error } = (event as { data: { key: number; state: string; error?: object } }).data;
    if (state !== "failed") return;
    keys.push(key);
    expect(error).toMatchObject({ type: "ValidationException", statusCode: 400, message: "no" });
  });
  const refusal = { status: 400, headers: { "x-amzn-ErrorType": "ValidationException" }, body: { message: "no" } };
  for (let n = 0; n < 2; n++) service.answer("/participant/message", refusal);
  const [one, two, three] = ["one", "two", "three"].map((message) => session.sendMessage(text(message)));
  expect(await rejection(one as Promise<unknown>)).toMatchObject({ type: "ValidationException", message: "no" });
  await rejection(two as Promise<unknown>);
  await expect(three).resolves.toBeDefined();
  await new Promise((resolve) => setImmediate(resolve));

  await expect(session.resendMessage(keys[0] as number)).resolves.toMatchObject({ data: { Id: expect.any(String) } });
  await expect(session.discardMessage(keys[1] as number)).resolves.toBeUndefined();
  expect(await rejection(session.discardMessage(keys[1] as number))).toMatchObject({ type: "ValidationException" });
  const contents = service.of("/participant/message").map(({ body }) => body["Content"]);
  expect(contents).toEqual(["one", "two", "three", "one"]);
});

test("a message that waits can be called off", async () => {
  const { session } = await connected();
  const waiting = new AbortController();
  const sent = session.sendMessage(text("one"));
  const off = rejection(session.sendMessage({ ...text("two"), signal: waiting.signal }));
  waiting.abort();
  expect(await off).toMatchObject({ type: "AbortError" });
  await sent;
  expect(await rejection(session.sendMessage({ ...text("three"), signal: waiting.signal }))).toMatchObject({
    type: "AbortError",
  });
});

test("a file tells how far it is, and can be called off", async () => {
  const { session } = await connected();
  const storage = `${service.endpoint}/storage?signed`;
  const place = { Url: storage, UrlExpiry: "2100-01-01T00:00:00.000Z", HeadersToInclude: {} };
  for (let n = 0; n < 2; n++) {
    const body = { AttachmentId: `a-${n}`, UploadMetadata: place };
    service.answer("/participant/start-attachment-upload", { status: 200, body });
  }
  // What a browser has for those who want to hear how far a file is; this one stops half-way if it is to.
  let stops = false;
  vi.stubGlobal(
    "XMLHttpRequest",
    class {
      readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
      readonly status = 200;
      onload?: () => void;
      open() {}
      setRequestHeader() {}
      getResponseHeader() {}
      abort() {}
      send() {
        this.upload.onprogress?.({ loaded: 2 });
        if (!stops) this.onload?.();
      }
    },
  );
  const attachment = new File(["hello"], "hello.txt", { type: "text/plain" });
  const told: unknown[] = [];
  const sent = session.sendAttachment({ attachment, onProgress: (progress) => told.push(progress), metadata: 7 });
  await expect(sent).resolves.toMatchObject({ metadata: 7 });
  expect(told).toEqual([{ sent: 2, total: 5 }]);

  stops = true;
  const off = new AbortController();
  const called = session.sendAttachment({ attachment, signal: off.signal, onProgress: () => off.abort() });
  expect(await rejection(called)).toMatchObject({ type: "AbortError" });
  expect(service.of("/participant/complete-attachment-upload")).toHaveLength(1);
  vi.unstubAllGlobals();
});

test("who is there is known, and what they have read", async () => {
  const { chat, session } = await connected();
  const typing = next((callback) => session.onRosterUpdated(callback));
  service.push(chat, { Type: "EVENT", ContentType: "application/vnd.amazonaws.connect.event.typing" });
  await typing;
  const ana = { participantId: "agent-1", role: "AGENT", displayName: "Ana", presence: "here", typing: true };
  expect(session.getRoster()).toEqual([{ ...ana, deliveredItemId: undefined, readItemId: undefined }]);
});

test("receipts are gathered: the newest item is told, once", async () => {
  const chat = newChat();
  const session = ChatSession.create({
    chatDetails: chat,
    type: "CUSTOMER",
    options: { chatloom: { endpoint: service.endpoint, receiptThrottleMs: 1 } },
  }) as ChatloomSession;
  const caughtUp = next((callback) => session.onCaughtUp(callback));
  await session.connect();
  await caughtUp;
  const items = next((callback) => session.onMessage(callback), 2);
  const [first, second] = [service.push(chat), service.push(chat)];
  await items;
  await Promise.all(
    [first, second].map((item) => session.sendMessageReceipt({ type: "read", messageId: item["Id"] as string })),
  );
  expect(service.of("/participant/event").map(({ body }) => JSON.parse(body["Content"] as string))).toEqual([
    { messageId: second["Id"] },
  ]);
  await expect(session.sendMessageReceipt({ type: "seen" as "read", messageId: "x" })).rejects.toThrow(
    /read or delivered/,
  );
});

test("a gap that cannot be read is told and can be filled", async () => {
  const chat = newChat();
  const { session, told } = open(chat);
  service.stored = [service.item(chat)];
  service.answer("/participant/transcript", { status: 400, body: { message: "no" } });
  const gap = next((callback) => session.onGap(callback));
  await session.connect();
  const [[event]] = (await gap) as [[{ data: { gap: number } }]];
  const filled = await session.fillGap(event.data.gap);
  expect(filled).toEqual({ count: 1, atBeginning: true });
  await new Promise((resolve) => setImmediate(resolve));
  expect(told.filter(([kind]) => kind === "item" || kind === "gapClosed")).toEqual([
    ["item", service.stored[0]?.["Id"]],
    ["gapClosed", { gap: event.data.gap }],
  ]);
});

test("a session is as the original unless Chatloom behaviour is asked for", async () => {
  const make = (chatloom?: boolean) =>
    ChatSession.create({
      chatDetails: newChat(),
      type: "CUSTOMER",
      options: chatloom === undefined ? {} : { chatloom },
    });
  expect(make()).not.toHaveProperty("getRoster");
  ChatSession.setGlobalConfig({ chatloom: { endpoint: service.endpoint } });
  expect(make()).toHaveProperty("getRoster");
  expect(make(false)).not.toHaveProperty("getRoster");
  ChatSession.setGlobalConfig({});
  expect(make()).toHaveProperty("getRoster");
  ChatSession.setGlobalConfig({ chatloom: false });
  expect(make()).not.toHaveProperty("getRoster");
  expect(make(true)).toHaveProperty("getRoster");
});
