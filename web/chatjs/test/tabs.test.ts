/** One socket for all pages of an origin that are in the same chat. */
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import type { ChatloomSession } from "../src/chatloom/session";
import { Locks } from "./locks";
import { type Chat, installWebSocket, newChat, next, Service } from "./service";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  service.stored = [];
  vi.stubGlobal("navigator", { onLine: true, locks: new Locks() });
});
afterEach(async () => {
  for (const { session } of open.splice(0)) session.close();
  vi.unstubAllGlobals();
  vi.resetModules();
  await service.stop();
});

const open: { session: ChatloomSession }[] = [];

/** A page in a chat, and what its application has heard. */
async function page(chat: Chat) {
  vi.resetModules();
  const { ChatSession } = await import("../src/index");
  ChatSession.setGlobalConfig({ endpoint: service.endpoint, chatloom: { tabs: true } });
  const session = ChatSession.create({ chatDetails: chat, type: "CUSTOMER" }) as ChatloomSession;
  const told: unknown[] = [];
  session.onMessage((event) => told.push((event as { data: { Id: string } }).data.Id));
  session.onConnectionLost(() => told.push("lost"));
  session.onConnectionEstablished(() => told.push("established"));
  session.onEnded(() => told.push("ended"));
  const caughtUp = () => next((callback) => session.onCaughtUp(callback));
  const opened = { session, told, caughtUp, items: () => told.filter((what) => String(what).startsWith("item-")) };
  open.push(opened);
  return opened;
}

async function connected(chat: Chat) {
  const opened = await page(chat);
  const caughtUp = opened.caughtUp();
  await opened.session.connect();
  await caughtUp;
  return opened;
}

const ids = () => service.stored?.map(({ Id }) => Id);

/** Waits until each page has heard of everything. */
async function everywhere(...pages: { items(): unknown[] }[]) {
  await vi.waitFor(() => {
    for (const { items } of pages) expect(items()).toEqual(ids());
  });
}

test("pages in the same chat have one socket, and each hears everything once and in order", async () => {
  const chat = newChat();
  service.stored = [service.item(chat)];
  const first = await connected(chat);
  const second = await connected(chat);
  expect(service.sockets).toHaveLength(1);
  for (let n = 0; n < 3; n++) service.push(chat);
  await everywhere(first, second);
  expect([first, second].map(({ told }) => told.filter((what) => what === "lost"))).toEqual([[], []]);

  // Each page sends by itself.
  await first.session.sendMessage({ message: "one", contentType: "text/plain" });
  await second.session.sendMessage({ message: "two", contentType: "text/plain" });
  expect(service.of("/participant/message").map(({ body }) => body["Content"])).toEqual(["one", "two"]);
});

test("when the page that keeps the socket goes, another takes over, and nothing is lost or doubled", async () => {
  const chat = newChat();
  const first = await connected(chat);
  const second = await connected(chat);
  const third = await connected(chat);
  service.push(chat);
  await everywhere(first, second, third);

  const caughtUp = Promise.all([second.caughtUp(), third.caughtUp()]);
  first.session.close();
  // Nobody has a socket at this moment.
  service.stored?.push(service.item(chat));
  await caughtUp;
  expect(service.sockets).toHaveLength(2);
  service.push(chat);
  await everywhere(second, third);
  expect(first.items()).toHaveLength(1);
});

test("a frame that is no object disturbs nobody", async () => {
  const chat = newChat();
  const first = await connected(chat);
  const second = await connected(chat);
  for (const frame of ["null", "5", "[]", "no JSON"]) service.send(frame);
  service.push(chat);
  await everywhere(first, second);
});

test("what is missed while the socket is away comes to every page", async () => {
  const chat = newChat();
  const first = await connected(chat);
  const second = await connected(chat);
  const caughtUp = Promise.all([first.caughtUp(), second.caughtUp()]);
  service.stored?.push(service.item(chat), service.item(chat));
  service.sockets[0]?.terminate();
  await caughtUp;
  service.push(chat);
  await everywhere(first, second);
  expect(service.sockets).toHaveLength(2);
  for (const { told } of [first, second]) expect(told).toContain("lost");
});

/** Another page has the lock, and does nothing with it. */
function hold(chat: Chat, options: { steal?: boolean } = {}) {
  let release = () => {};
  const { locks } = navigator as unknown as { locks: Locks };
  const holding = () => new Promise<void>((resolve) => (release = resolve));
  const held = locks.request(`chatloom-line/${chat.contactId}/${chat.participantId}`, options, holding);
  return { release: () => release(), taken: held.then(undefined, () => "taken") };
}

test("a page that should keep the socket and is asleep loses it to one that needs it", async () => {
  const { setTimeout } = globalThis;
  const hurried = (work: () => void, ms: number, ...rest: []) => setTimeout(work, ms === 3_000 ? 0 : ms, ...rest);
  vi.stubGlobal("setTimeout", hurried);
  const chat = newChat();
  const { taken } = hold(chat);
  const first = await connected(chat);
  expect(await taken).toBe("taken");
  service.push(chat);
  await everywhere(first);
  expect(service.sockets).toHaveLength(1);
});

test("a page that has lost the socket to another asks what it has missed when that one brings something", async () => {
  const chat = newChat();
  const first = await connected(chat);
  const other = hold(chat, { steal: true });
  await service.until(() => service.sockets[0]?.readyState === 3);
  service.stored?.push(service.item(chat));
  const caughtUp = first.caughtUp();
  other.release();
  await caughtUp;
  await everywhere(first);
  expect(first.told).toContain("lost");
  expect(service.sockets).toHaveLength(2);
});

test("the end of the chat reaches every page", async () => {
  const chat = newChat();
  const first = await connected(chat);
  const second = await connected(chat);
  const ended = Promise.all([first, second].map(({ session }) => next((callback) => session.onEnded(callback))));
  service.push(chat, { Type: "EVENT", ContentType: "application/vnd.amazonaws.connect.event.chat.ended" });
  await ended;
});

test("without locks each page has a socket of its own", async () => {
  vi.stubGlobal("navigator", { onLine: true });
  const chat = newChat();
  await connected(chat);
  await connected(chat);
  expect(service.sockets).toHaveLength(2);
});

test("where locks or channels are refused each page has a socket of its own", async () => {
  const chat = newChat();
  let asked = 0;
  const request = () => {
    if (++asked > 10) throw new Error("asked without end");
    return Promise.reject(new DOMException("denied", "SecurityError"));
  };
  vi.stubGlobal("navigator", { onLine: true, locks: { request } });
  await connected(chat);
  const second = await connected(chat);
  expect(service.sockets).toHaveLength(2);
  service.push(chat);
  await everywhere(second);
  expect(asked).toBe(2);

  const refused = () => {
    throw new DOMException("denied", "SecurityError");
  };
  vi.stubGlobal("navigator", { onLine: true, locks: new Locks() });
  vi.stubGlobal(
    "BroadcastChannel",
    class {
      constructor() {
        refused();
      }
    },
  );
  const third = await connected(chat);
  service.push(chat);
  await everywhere(third);
  expect(service.sockets).toHaveLength(3);
  third.session.close();
  await service.until(() => service.sockets[2]?.readyState === 3);
});

test("what other scripts or other versions say on the channel is not taken for word of a page", async () => {
  const chat = newChat();
  const first = await connected(chat);
  const second = await connected(chat);
  const thrown: unknown[] = [];
  const note = (error: unknown) => thrown.push(error);
  process.on("uncaughtException", note);
  const stranger = new BroadcastChannel(`chatloom-line/${chat.contactId}/${chat.participantId}`);
  const page = "stranger";
  for (const said of [
    null,
    undefined,
    "wake",
    7,
    {},
    { type: "later", page, count: 3, online: false },
    { type: "state", page, count: "1", online: false },
    { type: "state", page: 5, count: 1, online: false },
    { type: "state", page, count: 1 },
    { type: "item", page, count: 1, text: {} },
    { type: "broken" },
  ]) {
    stranger.postMessage(said);
  }
  // Messages come in order: who answers the last one has looked at all.
  const answered = new Promise((resolve) => (stranger.onmessage = resolve));
  stranger.postMessage({ type: "wake" });
  await answered;
  service.push(chat);
  await everywhere(first, second);
  stranger.close();
  process.off("uncaughtException", note);
  expect(thrown).toEqual([]);
  for (const { told } of [first, second]) {
    expect(told).not.toContain("lost");
    expect(told.filter((what) => what === "established")).toHaveLength(1);
  }
});
