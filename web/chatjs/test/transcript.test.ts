/** `onTranscriptUpdated`: the shape of the list; what belongs into it is the core's affair and tested there. */
import { beforeAll, beforeEach, expect, test } from "vitest";

import { connectSession, installWebSocket, next, rejection, Service } from "./service";

const RECEIPTS = "/participant/transcript";
const MESSAGE = "/participant/message";

let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});

interface Update {
  data: { transcript: Record<string, unknown>[]; previousTranscriptNextToken: unknown };
  chatDetails: unknown;
}

/** A connected session whose transcript is kept: its updates so far, and the next so many. */
async function tracked() {
  const { session, chat } = await connectSession(service);
  const updates: Update[] = [];
  const watchers = new Set<() => void>();
  const stop = session.onTranscriptUpdated((update) => {
    updates.push(update as Update);
    for (const watcher of watchers) watcher();
  });
  const until = (count: number) =>
    new Promise<Update>((resolve) => {
      const look = () => {
        if (updates.length >= count) resolve(updates[count - 1] as Update);
      };
      watchers.add(look);
      look();
    });
  return { session, chat, updates, until, stop };
}

test("s138 s139 s145: items that come after the first subscription are listed, with their text", async () => {
  const { session, chat, until } = await tracked();
  const first = service.push(chat);
  const second = service.push(chat);
  const { data, chatDetails } = await until(2);
  expect(data).toEqual({
    transcript: [first, second].map((item) => ({ ...item, serializedContent: JSON.stringify(item) })),
    previousTranscriptNextToken: null,
  });
  expect(Object.keys(data.transcript[0] ?? {}).at(-1)).toBe("serializedContent");
  expect(JSON.parse(JSON.stringify(data.transcript[0]))).toEqual({
    ...first,
    serializedContent: JSON.stringify(first),
  });
  expect(chatDetails).toEqual(session.getChatDetails());
});

test("s139: each update is an array of its own, of the same items", async () => {
  const { chat, updates, until } = await tracked();
  service.push(chat);
  await until(1);
  updates[0]?.data.transcript.push({});
  service.push(chat);
  const { data } = await until(2);
  expect(data.transcript).toHaveLength(2);
  expect(data.transcript[0]).toBe(updates[0]?.data.transcript[0]);
});

test("s128: what onMessage gets is not touched", async () => {
  const { session, chat, until } = await tracked();
  const message = next((callback) => session.onMessage(callback));
  const item = service.push(chat);
  await until(1);
  expect(((await message)[0]?.[0] as Update).data).toEqual(item);
});

test("s141 s142 s143: a message is listed while it is sent, and has its id when it was", async () => {
  const { session, updates, until } = await tracked();
  await session.sendMessage({ message: "hello", contentType: "text/plain" });
  await until(2);
  const [sending, sent] = updates.map((update) => update.data.transcript);
  const outgoing = { ContentType: "text/plain", Content: "hello", Type: "MESSAGE", ParticipantRole: "CUSTOMER" };
  const id = sending?.[0]?.["Id"];
  expect(id).toMatch(/./);
  expect(sending).toEqual([
    { ...outgoing, Id: id, AbsoluteTime: "", MessageMetadata: { MessageId: id, Status: "SENDING" } },
  ]);
  expect(sent).toEqual([
    { ...outgoing, Id: "sent-1", AbsoluteTime: "", MessageMetadata: { MessageId: "sent-1", Status: "SENT" } },
  ]);
});

test("s145: the echo takes the place of the message", async () => {
  const { session, chat, until } = await tracked();
  await session.sendMessage({ message: "hello", contentType: "text/plain" });
  const echo = service.push(chat, { Id: "sent-1", ParticipantId: chat.participantId, ParticipantRole: "CUSTOMER" });
  const { data } = await until(3);
  expect(data.transcript).toEqual([{ ...echo, serializedContent: JSON.stringify(echo) }]);
});

test("s144: a message that failed keeps its id and has the time", async () => {
  const { session, chat, updates, until } = await tracked();
  service.answer(MESSAGE, { status: 400, body: { Message: "no" } });
  await rejection(session.sendMessage({ message: "hello", contentType: "text/plain" }));
  service.push(chat, { AbsoluteTime: "2126-01-01T00:00:00.000Z" });
  await until(3);
  const [sending, failed, later] = updates.map((update) => update.data.transcript[0]);
  expect(failed).toEqual({
    ...sending,
    AbsoluteTime: expect.stringMatching(/^\d{4}-.*Z$/),
    MessageMetadata: { MessageId: sending?.["Id"], Status: "FAILED" },
  });
  expect(later).toBe(failed);
});

test("s146: a receipt writes the state into the entry, and its text stays", async () => {
  const { chat, until } = await tracked();
  const item = service.push(chat, { ParticipantId: chat.participantId });
  const receipts = [{ ReadTimestamp: "2026-01-01T00:00:01.000Z", RecipientParticipantId: "agent-1" }];
  service.push(chat, {
    Type: "MESSAGEMETADATA",
    ContentType: "application/vnd.amazonaws.connect.event.message.metadata",
    MessageMetadata: { MessageId: item["Id"], Receipts: receipts },
  });
  const { data } = await until(2);
  expect(data.transcript).toEqual([
    { ...item, serializedContent: JSON.stringify(item), MessageMetadata: { Status: "READ" } },
  ]);
});

test("s141 s153: a page that was read goes into the list, and its token is told", async () => {
  const { session, until } = await tracked();
  const page = [
    { Id: "a", AbsoluteTime: "2026-01-01T00:00:00.000Z", Type: "MESSAGE", Content: "1" },
    { Id: "b", AbsoluteTime: "2026-01-01T00:00:01.000Z", Type: "MESSAGE", Content: "2" },
  ];
  service.answer(RECEIPTS, { status: 200, body: { Transcript: page, NextToken: "older" } });
  await session.getTranscript({});
  const { data } = await until(1);
  expect(data.transcript.map((entry) => entry["Id"])).toEqual(["a", "b"]);
  expect(data.previousTranscriptNextToken).toBe("older");
});

test("s112_mended_d10: the list is not given any more to whoever has unsubscribed", async () => {
  const { session, chat, updates, stop } = await tracked();
  stop();
  const message = next((callback) => session.onMessage(callback));
  service.push(chat);
  await message;
  expect(updates).toHaveLength(0);
});

test("an item that comes with a text of its own in `serializedContent` is listed with that of the package", async () => {
  const { session, chat } = await connectSession(service);
  const updated = next((callback) => session.onTranscriptUpdated(callback));
  const { serializedContent: _, ...item } = service.push(chat, { serializedContent: "{}" });
  const [[update]] = (await updated) as [[Update]];
  expect(JSON.parse(String(update.data.transcript[0]?.["serializedContent"]))).toEqual(item);
});
