/** Receipts as an application sends them; when they go out is the core's affair and tested there. */
import { beforeAll, beforeEach, expect, test } from "vitest";

import { ChatSession } from "../src/index";
import { connectSession, createSession, ENDED, installWebSocket, next, rejection, Service } from "./service";

const EVENT = "/participant/event";
const READ = "application/vnd.amazonaws.connect.event.message.read";
const DELIVERED = "application/vnd.amazonaws.connect.event.message.delivered";

let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});

/** A connected session whose receipts are gathered for so long. */
async function connected(throttleTime: number) {
  const made = await configured({ features: { messageReceipts: { throttleTime } } });
  await made.session.connect();
  return made;
}

async function configured(config: Parameters<typeof ChatSession.setGlobalConfig>[0]) {
  const { session: unused } = createSession(service);
  unused.getChatDetails();
  ChatSession.setGlobalConfig(config);
  const chatDetails = { contactId: "receipts", participantId: "me", participantToken: "token" };
  return { session: ChatSession.create({ chatDetails, type: "CUSTOMER" }) };
}

const read = (messageId?: unknown, more = {}) => ({
  contentType: READ,
  content: JSON.stringify({ messageId, ...more }),
});

test("s093 s097 s105: the latest receipt is sent and answers those before it", async () => {
  const { session } = await connected(30);
  const results = await Promise.all(["a", "b", "c"].map((id) => session.sendEvent({ ...read(id), clientToken: id })));
  expect(service.of(EVENT).map(({ body }) => body)).toEqual([
    { ClientToken: "INCOMING_READ_RECEIPT", Content: '{"messageId":"c"}', ContentType: READ },
  ]);
  expect(results).toEqual(
    results.map(() => ({ data: expect.objectContaining({ Id: "sent-1" }) as unknown, metadata: null })),
  );
});

test("s094: receipts that are switched off reject with the arguments, until they are switched on", async () => {
  const { session } = await connected(1);
  ChatSession.setGlobalConfig({ features: { messageReceipts: { shouldSendMessageReceipts: false } } });
  const args = read("a");
  const off = await rejection(session.sendEvent(args));
  expect(off).toEqual({ errorMessage: "Ignoring messageReceipt: false", data: args });
  expect((off as { data: unknown }).data).toBe(args);
  expect(service.of(EVENT)).toHaveLength(0);
  ChatSession.setFeatureFlag("SOMETHING_ELSE");
  await rejection(session.sendEvent(args));
  ChatSession.setFeatureFlag("MESSAGE_RECEIPTS_ENABLED");
  await session.sendEvent(args);
  expect(service.of(EVENT)).toHaveLength(1);
});

test("s024 s025: a list of features and a configuration without any switch receipts on again", async () => {
  const { session } = await connected(1);
  for (const [id, features] of [["a", ["X"]], ["b"]] as const) {
    ChatSession.setGlobalConfig({ features: { messageReceipts: { shouldSendMessageReceipts: false } } });
    ChatSession.setGlobalConfig(features ? { features } : {});
    await session.sendEvent(read(id));
  }
  expect(service.of(EVENT)).toHaveLength(2);
});

test("s095 s096: a receipt names a message", async () => {
  const { session } = await connected(1);
  const args = read(undefined);
  expect(await rejection(session.sendEvent(args))).toEqual({
    errorMessage: "Ignoring messageReceipt: missing messageId",
    data: args,
  });
  expect(() => session.sendEvent({ contentType: DELIVERED })).toThrow(TypeError);
});

test("s098: a receipt that was sent before is answered by a message", async () => {
  const { session } = await connected(1);
  await session.sendEvent(read("a"));
  await expect(session.sendEvent({ ...read("a"), metadata: 7 })).resolves.toEqual({
    message: "Event already fired",
    metadata: 7,
  });
  expect(service.of(EVENT)).toHaveLength(1);
});

test("s023: the throttle of receipts goes before the general one, and that before five seconds", async () => {
  const { session } = await configured({ throttleTime: 1 });
  await session.connect();
  await session.sendEvent(read("a"));
  expect(service.of(EVENT)).toHaveLength(1);
  const { session: other } = await configured({
    throttleTime: 600_000,
    features: { messageReceipts: { throttleTime: 1 } },
  });
  await other.connect();
  await other.sendEvent(read("a"));
  expect(service.of(EVENT)).toHaveLength(2);
  ChatSession.setGlobalConfig({});
});

test.each(["20", 0.2])("s023: a throttle of %j is taken as a timer takes it", async (given) => {
  const { session } = await connected(given as number);
  await session.sendEvent(read("a"));
  expect(service.of(EVENT)).toHaveLength(1);
  ChatSession.setGlobalConfig({});
});

test("s108: a receipt for which the chat ends too early rejects with a TypeError", async () => {
  ChatSession.setGlobalConfig({ throttleTime: 600_000 });
  const { session, chat } = await connectSession(service);
  ChatSession.setGlobalConfig({});
  const receipt = rejection(session.sendEvent({ ...read("a"), metadata: "mine" }));
  const ended = next((callback) => session.onEnded(callback));
  service.push(chat, { ContentType: ENDED, Type: "EVENT", Content: undefined });
  const error = await receipt;
  expect(error).toBeInstanceOf(TypeError);
  expect(error).toMatchObject({ metadata: "mine" });
  await ended;
});
