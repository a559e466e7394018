/** Tracked transcripts at the border to the core: what changes, with the items as the host parsed them. */
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import type { EventOutput, Item, Step } from "../src/host/core";
import { Host } from "../src/host/host";
import { smallCore } from "../src/host/small";
import type { Exports } from "../src/host/wasm";
import { begin, beginOn, type Direct } from "./direct";
import { installWebSocket, Service } from "./service";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
});
afterEach(() => service.stop());

type Update = Extract<EventOutput, { type: "transcript" }>;

function updates({ events }: Direct): Update[] {
  return events.filter((event) => event.type === "transcript");
}

/** A session whose transcript is empty and tracked, and which has read it once (S140). */
async function tracked(): Promise<Direct> {
  service.stored = [];
  const session = begin(service);
  session.track();
  await session.call({ type: "connect" });
  await service.until(() => service.frames.includes("aws/subscribe"));
  while (updates(session).length === 0) await session.next();
  session.events.length = 0;
  return session;
}

/** The list that the steps of all updates make, and what was put at its end. */
function list(session: Direct): Step[] {
  const entries: Step[] = [];
  for (const event of session.events) {
    if (event.type === "appended") {
      entries.push({ type: "insert", at: entries.length, key: entries.length + 1, body: event.body });
    }
    for (const step of event.type === "transcript" ? event.steps : []) {
      if (step.type === "insert") entries.splice(step.at, 0, step);
      else if (step.type === "replace") entries[step.at] = step;
      else entries.splice(step.at, 1);
    }
  }
  return entries;
}

const shown = (session: Direct) => list(session).map((step) => "body" in step && (step.body as Item)["Content"]);

test("s128 s139: the list has the very objects that the callbacks got", async () => {
  const session = await tracked();
  const [one, two] = [service.push(session.chat), service.push(session.chat)];
  while (session.items.length < 2) await session.next();
  expect(session.items.map(({ item }) => item)).toEqual([one, two]);
  const bodies = list(session).map((step) => "body" in step && step.body);
  expect(bodies[0]).toBe(session.items[0]?.item);
  expect(bodies[1]).toBe(session.items[1]?.item);
});

test("s151: d7 mended: what comes late is put where it belongs, and what comes twice is there once", async () => {
  const session = await tracked();
  const [first, second, third] = [1, 2, 3].map(() => service.item(session.chat)) as [Item, Item, Item];
  for (const item of [first, third, second, third]) {
    service.send(JSON.stringify({ topic: "aws/chat", content: JSON.stringify(item) }));
  }
  while (session.items.length < 4) await session.next();
  expect(shown(session)).toEqual([first, second, third].map((item) => item["Content"]));
  expect(list(session).map((step) => "key" in step && step.key)).toEqual([1, 3, 2]);
});

test("s142 s143 s145: a message of one's own is in the list before it is sent, and gives way to its echo", async () => {
  const session = await tracked();
  await session.call({ type: "sendMessage", contentType: "text/plain", content: "Hi", clientToken: undefined });
  expect(updates(session).map(({ steps }) => steps.map((step) => "state" in step && step.state))).toEqual([
    ["sending"],
    ["sent"],
  ]);
  const [sent] = list(session);
  expect(sent).toMatchObject({ type: "replace", id: "sent-1", contentType: "text/plain", content: "Hi" });
  service.push(session.chat, { Id: "sent-1", Content: "Hi", ParticipantId: session.chat.participantId });
  while (session.items.length < 1) await session.next();
  const entries = list(session);
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ type: "replace", key: (sent as { key: number }).key });
  expect((entries[0] as { body: Item }).body).toBe(session.items[0]?.item);
});

test("s121 s146: a receipt needs no entry of its own", async () => {
  const session = await tracked();
  const message = service.push(session.chat);
  service.push(session.chat, {
    Id: message["Id"],
    Type: "MESSAGEMETADATA",
    ContentType: "application/vnd.amazonaws.connect.event.message.metadata",
    MessageMetadata: {
      MessageId: message["Id"],
      Receipts: [{ ReadTimestamp: "2026-01-01T00:00:00.000Z", RecipientParticipantId: "agent-1" }],
    },
  });
  while (session.items.length < 2) await session.next();
  expect(session.items[1]?.kind).toBe(2);
  expect(list(session)).toMatchObject([{ state: "read", body: message }]);
});

test("s133: a streamed message is one entry that grows", async () => {
  const session = await tracked();
  const part = (ChunkNumber: number, Content: string, MessageCompleted: boolean) =>
    service.push(session.chat, {
      Id: "bot-1",
      ParticipantRole: "SYSTEM",
      Content,
      MessageMetadata: { MessageId: "bot-1", ChunkNumber, MessageCompleted },
    });
  part(1, "Hel", false);
  part(2, "lo", false);
  part(3, "Hello!", true);
  while (session.items.length < 3) await session.next();
  expect(updates(session).map(({ steps }) => steps.length)).toEqual([1, 1, 1]);
  expect(shown(session)).toEqual(["Hello!"]);
});

test("s138 s148 s153: what a page brings is in the list, with the token of the page before", async () => {
  const session = await tracked();
  service.stored = Array.from({ length: 120 }, () => service.item(session.chat));
  const what = { contactId: undefined, nextToken: undefined, id: undefined, absoluteTime: undefined };
  await session.call({
    type: "getTranscript",
    ...what,
    maxResults: 100,
    scanDirection: "BACKWARD",
    sortOrder: "ASCENDING",
    mostRecent: undefined,
  });
  expect(shown(session)).toEqual(service.stored.slice(20).map((item) => item["Content"]));
  expect(updates(session).at(-1)?.previousNextToken).toBe("20");
});

test("of an item only that is told that a session of the host decides on", async () => {
  const counts: number[] = [];
  const exports = smallCore.load() as Exports;
  const item: Exports["item"] = (...given) => {
    counts.push(given[0]);
    return exports.item(...given);
  };
  const load = () => ({ ...exports, item });
  const on = new Host({ load }, load());
  const [plain, tracked] = [beginOn(on, service), beginOn(on, service)];
  tracked.track();
  // What the service pushes goes to the socket that came last.
  for (const [at, session] of [tracked, plain].entries()) {
    await session.call({ type: "connect" });
    await service.until(() => service.frames.filter((topic) => topic === "aws/subscribe").length > at);
  }
  const bring = async () => {
    const before = plain.items.length;
    for (const _ of [1, 2]) service.push(plain.chat);
    while (plain.items.length < before + 2) await plain.next();
    return counts.splice(0);
  };
  expect(await bring()).toEqual([7, 7]);
  tracked.forget();
  // Once for both.
  expect(await bring()).toEqual([5]);
  on.close();
});
