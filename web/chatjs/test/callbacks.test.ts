import { beforeAll, beforeEach, expect, test } from "vitest";

import { ChatSession } from "../src/index";
import { connectSession, createSession, ENDED, installWebSocket, next, Service, TYPING } from "./service";

const EVENT = "application/vnd.amazonaws.connect.event.";
let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});

test("s112_mended_d10: a callback can be taken away", async () => {
  const { session, chat } = await connectSession(service);
  const seen: string[] = [];
  const unsubscribe = session.onMessage(() => seen.push("first"));
  session.onMessage(() => seen.push("second"));
  unsubscribe();
  unsubscribe();
  const received = next((callback) => session.onMessage(callback));
  service.push(chat);
  await received;
  expect(seen).toEqual(["second"]);
});

test("s113: a callback must be a function", () => {
  const { session } = createSession(service);
  const subscribe = session.onMessage.bind(session) as (callback?: unknown) => unknown;
  expect(() => subscribe()).toThrow(expect.objectContaining({ name: "ValueError", message: "f must be provided" }));
  expect(() => subscribe(7)).toThrow(expect.objectContaining({ name: "ValueError", message: "f must be a function" }));
});

test("s114_mended_d10: callbacks run in order, and one that throws is reported and disturbs nobody", async () => {
  const { session, chat } = await connectSession(service);
  const logged: string[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (text: string) => logged.push(text) };
  ChatSession.setGlobalConfig({ loggerConfig: { customizedLogger: logger } });
  const order: number[] = [];
  session.onMessage(() => order.push(1));
  session.onMessage(() => {
    throw new Error("the callback's own");
  });
  session.onMessage(() => order.push(2));
  const received = next((callback) => session.onMessage(callback));
  service.push(chat);
  await received;
  ChatSession.setGlobalConfig({});
  expect(order).toEqual([1, 2]);
  expect(
    logged.filter((text) => text.includes("INCOMING_MESSAGE") && text.includes("the callback's own")),
  ).toHaveLength(1);
});

test("s115: each event has a task of its own, in order, after all that the current task still does", async () => {
  const { session, chat } = await connectSession(service);
  const order: string[] = [];
  const received = next((callback) => session.onMessage(callback), 3);
  session.onMessage((event) => {
    const { data } = event as { data: { Content: string } };
    order.push(data.Content);
    queueMicrotask(() => order.push(`after ${data.Content}`));
  });
  for (const Content of ["a", "b", "c"]) service.push(chat, { Content });
  await received;
  expect(order).toEqual(["a", "after a", "b", "after b", "c"]);
});

test("s116 s117: a callback gets the item and the details of the chat, the name of the event, and who called", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback));
  const item = service.push(chat, { Unknown: { deep: [1, 2.5, null] } });
  const [payload, name, from] = (await received)[0] ?? [];
  expect(payload).toEqual({ data: item, chatDetails: session.getChatDetails() });
  expect(name).toBe("INCOMING_MESSAGE");
  expect(from).toBeTypeOf("object");
});

const KINDS = [
  ["onMessage", "text/plain"],
  ["onMessage", `${EVENT}participant.joined`],
  ["onMessage", `${EVENT}participant.left`],
  ["onMessage", `${EVENT}transfer.succeeded`],
  ["onMessage", "application/x-unknown"],
  ["onTyping", TYPING],
  ["onParticipantIdle", `${EVENT}participant.idle`],
  ["onParticipantReturned", `${EVENT}participant.returned`],
  ["onAutoDisconnection", `${EVENT}participant.autodisconnection`],
  ["onParticipantInvited", `${EVENT}participant.invited`],
  ["onAuthenticationInitiated", `${EVENT}authentication.initiated`],
  ["onAuthenticationSuccessful", `${EVENT}authentication.succeeded`],
  ["onAuthenticationFailed", `${EVENT}authentication.failed`],
  ["onAuthenticationTimeout", `${EVENT}authentication.timeout`],
  ["onAuthenticationExpired", `${EVENT}authentication.expired`],
  ["onAuthenticationCanceled", `${EVENT}authentication.cancelled`],
  ["onParticipantDisplayNameUpdated", `${EVENT}participant.displayname.updated`],
  ["onChatRehydrated", `${EVENT}chat.rehydrated`],
] as const;

test("s118 s119: each kind of item has its callback and no other", async () => {
  const { session, chat } = await connectSession(service);
  const seen: unknown[][] = [];
  const all = new Promise<void>((resolve) => {
    for (const method of new Set(KINDS.map(([method]) => method))) {
      session[method]((event) => {
        seen.push([method, (event as { data: { ContentType: string } }).data.ContentType]);
        if (seen.length === KINDS.length) resolve();
      });
    }
  });
  for (const [, ContentType] of KINDS) service.push(chat, { ContentType, Type: "EVENT" });
  await all;
  expect(seen).toEqual(KINDS);
});

test("s118: an item without a content type is a message", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback));
  const item = service.push(chat, { ContentType: undefined });
  expect((await received)[0]?.[0]).toMatchObject({ data: JSON.parse(JSON.stringify(item)) });
});

test("s120: own items come too", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback));
  service.push(chat, { ParticipantId: chat.participantId, ParticipantRole: "CUSTOMER" });
  expect((await received)[0]?.[0]).toMatchObject({ data: { ParticipantId: chat.participantId } });
});

test("s121 s122 s123: of receipts the first counts, and one's own and empty ones are dropped", async () => {
  const { session, chat } = await connectSession(service);
  const receipt = (...Receipts: object[]) =>
    service.push(chat, {
      Type: "MESSAGEMETADATA",
      ContentType: undefined,
      MessageMetadata: { MessageId: "m", Receipts },
    });
  const read = next((callback) => session.onReadReceipt(callback));
  const delivered = next((callback) => session.onDeliveredReceipt(callback));
  receipt();
  receipt({ ReadTimestamp: "t", RecipientParticipantId: chat.participantId });
  const first = receipt({ DeliveredTimestamp: "t", RecipientParticipantId: "agent-1" });
  const second = receipt({ ReadTimestamp: "t", DeliveredTimestamp: "t", RecipientParticipantId: "agent-1" });
  expect((await delivered)[0]?.[0]).toMatchObject({ data: { Id: first["Id"] } });
  expect((await read)[0]?.[0]).toMatchObject({ data: { Id: second["Id"] } });
});

test("s124: items of another contact are dropped, and receipts are not", async () => {
  const { session } = await connectSession(service);
  const other = { contactId: "other", participantId: "x", participantToken: "x" };
  const messages: unknown[] = [];
  session.onMessage((event) => messages.push(event));
  const read = next((callback) => session.onReadReceipt(callback));
  service.push(other);
  service.push(other, {
    Type: "MESSAGEMETADATA",
    MessageMetadata: { MessageId: "m", Receipts: [{ ReadTimestamp: "t", RecipientParticipantId: "agent-1" }] },
  });
  await read;
  expect(messages).toEqual([]);
});

test("s126: an item that comes twice is told twice", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback), 2);
  service.push(chat, { Id: "same" });
  service.push(chat, { Id: "same" });
  expect((await received).map(([event]) => (event as { data: { Id: string } }).data.Id)).toEqual(["same", "same"]);
});

test("s128: all callbacks get the same object", async () => {
  const { session, chat } = await connectSession(service);
  const [first, second] = [next((c) => session.onMessage(c)), next((c) => session.onMessage(c))];
  service.push(chat);
  expect((await first)[0]?.[0]).toBe((await second)[0]?.[0]);
});

test("s160 s161: the end comes as an item and as the end, over a socket that is closed already", async () => {
  const { session, chat } = await connectSession(service);
  const order: unknown[] = [];
  const closed = new Promise((resolve) => service.sockets.at(-1)?.on("close", resolve));
  session.onMessage((event) => order.push((event as { data: { ContentType: string } }).data.ContentType));
  const ended = next((callback) => session.onEnded(callback));
  session.onEnded(() => order.push("ended"));
  service.push(chat, { ContentType: ENDED, Type: "EVENT" });
  expect((await ended)[0]?.[0]).toEqual({ data: null, chatDetails: session.getChatDetails() });
  expect(order).toEqual([ENDED, "ended"]);
  expect(await closed).toBe(1000);
});

test("s164: an end that happened meanwhile is told with an item of five members", async () => {
  const { session } = await connectSession(service);
  const [received, ended] = [next((c) => session.onMessage(c)), next((c) => session.onEnded(c))];
  // A refusal counts when a second look confirms it.
  for (let look = 0; look < 2; look++)
    service.answer("/participant/connection", { status: 403, body: { Message: "no" } });
  service.sockets.at(-1)?.terminate();
  const data = { AbsoluteTime: "", ContentType: ENDED, Id: "", Type: "EVENT", InitialContactId: "" };
  expect((await received)[0]?.[0]).toMatchObject({ data });
  await ended;
});

test("s203 s204: frames that cannot be read are dropped, and what follows arrives", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback));
  service.send("not JSON");
  service.send('"aws/chat"');
  service.send('{"topic":"aws/chat","content":{"Id":"an object"}}');
  service.send('{"topic":"aws/chat","content":"not JSON"}');
  service.send('{"topic":"aws/chat","content":"[1]"}');
  service.send('{"message":"Forbidden","connectionId":"c","requestId":"r"}');
  const item = service.push(chat);
  expect((await received)[0]?.[0]).toMatchObject({ data: item });
});

test("an item whose members hold a separator goes another way and arrives the same", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback), 2);
  const odd = service.push(chat, { ContentType: "text/\u001fplain" });
  const plain = service.push(chat);
  expect((await received).map(([event]) => (event as { data: unknown }).data)).toEqual([odd, plain]);
});

test("members of an item of another type than documented are passed on", async () => {
  const { session, chat } = await connectSession(service);
  const received = next((callback) => session.onMessage(callback));
  const item = service.push(chat, { ContentType: 7, Id: null, ContactId: [1], MessageMetadata: 3 });
  expect((await received)[0]?.[0]).toMatchObject({ data: item });
});
