/** Chats that are kept, and go on when the page is loaded again. */
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import type { ChatloomOptions, ChatStore } from "../src/chatloom/options";
import type { ChatloomSession } from "../src/chatloom/session";
import { Locks } from "./locks";
import { type Chat, installWebSocket, newChat, next, Service } from "./service";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  service.stored = [];
});
afterEach(async () => {
  vi.unstubAllGlobals();
  vi.resetModules();
  await service.stop();
});

/** What a page keeps beyond itself. */
function storage(): ChatStore & { texts: Map<string, string> } {
  const texts = new Map<string, string>([["other", "not a chat"]]);
  return {
    texts,
    get: (key) => Promise.resolve(texts.get(key)),
    set: (key, value) => Promise.resolve(void texts.set(key, value)),
    delete: (key) => Promise.resolve(void texts.delete(key)),
    keys: () => Promise.resolve(texts.keys()),
  };
}

/** A page that is loaded anew, with the package in it. */
async function page(options: ChatloomOptions) {
  vi.resetModules();
  const { ChatSession } = await import("../src/index");
  ChatSession.setGlobalConfig({ endpoint: service.endpoint, chatloom: options });
  return {
    resume: (contactId?: string) => ChatSession.resume(contactId === undefined ? {} : { contactId }),
    replay: () => ChatSession.resume({ replay: true }),
    create: (chatDetails: Chat) => ChatSession.create({ chatDetails, type: "CUSTOMER" }) as ChatloomSession,
  };
}

async function connect(session: ChatloomSession) {
  const items: unknown[] = [];
  session.onMessage((event) => items.push((event as { data: { Id: string } }).data.Id));
  const caughtUp = next((callback) => session.onCaughtUp(callback));
  await session.connect();
  await caughtUp;
  return items;
}

const text = (message: string) => ({ message, contentType: "text/plain" });

test("after a reload the chat goes on: what was missed comes, and what was not sent is sent once", async () => {
  const store = storage();
  const chat = newChat();
  service.stored = [service.item(chat), service.item(chat)];
  const first = await page({ storage: store });
  const session = first.create(chat);
  expect(await connect(session)).toEqual(service.stored.map(({ Id }) => Id));
  service.answer("/participant/message", null);
  const lost = session.sendMessage(text("one"));
  await service.until(() => service.of("/participant/message").length === 1);
  const waiting = session.sendMessage(text("two"));
  session.close();
  await expect(lost).rejects.toMatchObject({ type: "AbortError" });
  await expect(waiting).rejects.toMatchObject({ type: "AbortError" });

  service.stored.push(service.item(chat));
  const second = await page({ storage: store });
  const resumed = await second.resume();
  expect(resumed?.getChatDetails()).toMatchObject({ ...chat, initialContactId: chat.contactId });
  const sent = next((callback) => resumed?.onMessageState(callback), 6);
  expect(await connect(resumed as ChatloomSession)).toEqual([service.stored[2]?.["Id"]]);
  const states = (await sent).map(([event]) => (event as { data: { state: string } }).data.state);
  expect(states).toEqual(["queued", "queued", "sending", "sent", "sending", "sent"]);
  const bodies = service.of("/participant/message").map(({ body }) => body);
  expect(bodies.map((body) => body["Content"])).toEqual(["one", "one", "two"]);
  expect(bodies[0]?.["ClientToken"]).toBe(bodies[1]?.["ClientToken"]);
  expect(bodies[1]?.["ClientToken"]).not.toBe(bodies[2]?.["ClientToken"]);
  resumed?.close();
});

test("a client of the application's serves a chat that goes on as well", async () => {
  const store = storage();
  const chat = newChat();
  const session = (await page({ storage: store })).create(chat);
  await connect(session);
  session.close();
  await page({ storage: store });
  const asked: string[] = [];
  const refuse = (name: string) => {
    asked.push(name);
    return Promise.reject(Object.assign(new Error("no"), { $metadata: { httpStatusCode: 403 } }));
  };
  const participantClient = {
    createParticipantConnection: () => refuse("connection"),
    getTranscript: () => refuse("transcript"),
  };
  const before = service.requests.length;
  const { ChatSession } = await import("../src/index");
  const resumed = (await ChatSession.resume({ options: { participantClient } })) as ChatloomSession;
  await expect(resumed.connect()).rejects.toMatchObject({ connectSuccess: false });
  expect(asked).toContain("connection");
  expect(service.requests).toHaveLength(before);
  resumed.close();
});

test("a page that shows nothing yet is given everything again, if it wants that", async () => {
  const store = storage();
  const chat = newChat();
  service.stored = [service.item(chat), service.item(chat)];
  const session = (await page({ storage: store })).create(chat);
  await connect(session);
  session.close();
  service.stored.push(service.item(chat));
  const resumed = (await (await page({ storage: store })).replay()) as ChatloomSession;
  expect(await connect(resumed)).toEqual(service.stored.map(({ Id }) => Id));
  resumed.close();
});

test("what waits is in the transcript of the page that goes on", async () => {
  const store = storage();
  const chat = newChat();
  service.stored = [service.item(chat)];
  const session = (await page({ storage: store })).create(chat);
  await connect(session);
  service.answer("/participant/message", null);
  const waiting = session.sendMessage(text("one"));
  await service.until(() => service.of("/participant/message").length === 1);
  session.close();
  await expect(waiting).rejects.toMatchObject({ type: "AbortError" });

  const resumed = (await (await page({ storage: store })).replay()) as ChatloomSession;
  const lists: unknown[][] = [];
  const shown = new Promise<void>((resolve) => {
    resumed.onTranscriptUpdated((event) => {
      const { transcript } = (event as { data: { transcript: Record<string, unknown>[] } }).data;
      lists.push(transcript.map(({ Content }) => Content));
      if (transcript.length === 2) resolve();
    });
  });
  await connect(resumed);
  await shown;
  expect(lists[0]).toEqual(["one"]);
  expect([...(lists.at(-1) ?? [])].sort()).toEqual([service.stored[0]?.["Content"], "one"]);
  resumed.close();
});

test("the chat that was kept last is resumed, or the one that is asked for", async () => {
  const store = storage();
  vi.useFakeTimers({ toFake: ["Date"] });
  const [one, two] = [newChat(), newChat()];
  const { create, resume } = await page({ storage: store });
  for (const chat of [one, two]) {
    vi.advanceTimersByTime(1_000);
    const session = create(chat);
    await connect(session);
    session.close();
  }
  vi.useRealTimers();
  expect((await resume())?.getChatDetails().contactId).toBe(two.contactId);
  const resumed = await resume(one.contactId);
  expect(resumed?.getChatDetails().contactId).toBe(one.contactId);
  expect(await resume("another")).toBeUndefined();

  // What the application wants forgotten is, and nothing else.
  resumed?.close({ forget: true });
  expect(await resume(one.contactId)).toBeUndefined();
  expect([...store.texts.keys()]).toEqual(["other", `chatloom/${two.contactId}/${two.participantId}`]);
});

test("each of several pages in a chat keeps its own session, and one that has gone is gone on with once", async () => {
  vi.stubGlobal("navigator", { onLine: true, locks: new Locks() });
  const store = storage();
  const chat = newChat();
  service.stored = [service.item(chat)];
  const first = (await page({ storage: store })).create(chat);
  await connect(first);
  const second = (await (await page({ storage: store })).resume()) as ChatloomSession;
  // Nobody has gone: it begins anew, with all that there is.
  expect(await connect(second)).toEqual([service.stored[0]?.["Id"]]);
  const keys = () => [...store.texts.keys()].filter((key) => key.startsWith("chatloom/"));
  expect(keys()).toHaveLength(2);

  service.answer("/participant/message", null);
  const waiting = first.sendMessage(text("one"));
  await service.until(() => service.of("/participant/message").length === 1);
  first.close();
  await expect(waiting).rejects.toMatchObject({ type: "AbortError" });
  const third = (await (await page({ storage: store })).resume()) as ChatloomSession;
  const fourth = (await (await page({ storage: store })).resume()) as ChatloomSession;
  expect(await connect(third)).toEqual([]);
  expect(await connect(fourth)).toEqual([service.stored[0]?.["Id"]]);
  await service.until(() => service.of("/participant/message").length === 2);
  expect(keys()).toHaveLength(3);
  for (const session of [second, third, fourth]) session.close({ forget: true });
  await vi.waitFor(() => expect(keys()).toEqual([]));
});

test("a chat that has ended is kept no longer", async () => {
  const store = storage();
  const { create } = await page({ storage: store });
  const chat = newChat();
  const session = create(chat);
  await connect(session);
  expect(store.texts.size).toBe(2);
  const ended = next((callback) => session.onEnded(callback));
  service.push(chat, { Type: "EVENT", ContentType: "application/vnd.amazonaws.connect.event.chat.ended" });
  await ended;
  expect([...store.texts.keys()]).toEqual(["other"]);
});

test("a chat that has ended holds no lock", async () => {
  const locks = new Locks();
  vi.stubGlobal("navigator", { onLine: true, locks });
  const names: string[] = [];
  const request = locks.request.bind(locks);
  locks.request = (name, options, grant) => request((names.push(name), name), options, grant);
  const { create } = await page({ storage: storage() });
  const chat = newChat();
  const session = create(chat);
  await connect(session);
  const ended = next((callback) => session.onEnded(callback));
  service.push(chat, { Type: "EVENT", ContentType: "application/vnd.amazonaws.connect.event.chat.ended" });
  await ended;
  expect(names).toHaveLength(1);
  const isFree = () => request(String(names[0]), { ifAvailable: true }, (lock) => lock !== null);
  await vi.waitFor(async () => expect(await isFree()).toBe(true));
});

test("a store that is slow gets only the newest, and one that fails is reported without what it was given", async () => {
  const logged: string[] = [];
  const log = (line: string) => void logged.push(line);
  const { keeper } = await import("../src/chatloom/keep");
  const written: string[] = [];
  let free = () => {};
  const store = storage();
  store.set = async (_key, value) => {
    written.push((JSON.parse(value) as { snapshot: string }).snapshot);
    await new Promise<void>((resolve) => (free = resolve));
  };
  const { contactId, participantId, participantToken } = newChat();
  const participant = { contactId, initialContactId: contactId, participantId, participantToken };
  const one = keeper(store, participant, undefined, log);
  for (const snapshot of ["1", "2", "3"]) one.keep({ participant, region: "r", endpoint: "e", snapshot });
  free();
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toEqual(["1", "3"]);
  free();

  const full = keeper(
    { ...store, set: () => Promise.reject(new DOMException("no room", "QuotaExceededError")) },
    participant,
    undefined,
    log,
  );
  full.keep({ participant, region: "r", endpoint: "e", snapshot: "secret" });
  await new Promise((resolve) => setImmediate(resolve));
  expect(logged).toEqual(["the chat cannot be kept: QuotaExceededError"]);
});

test("what an agent's session needs is not kept", async () => {
  const store = storage();
  await page({ storage: store, tabs: true });
  const { ChatSession } = await import("../src/index");
  const chatTokenTransport = { participantToken: "connection-token", expiry: "2100-01-01T00:00:00.000Z" };
  const getConnectionToken = () => Promise.resolve({ chatTokenTransport });
  const chatDetails = { ...newChat(), getConnectionToken };
  const session = ChatSession.create({ chatDetails, type: "AGENT" }) as unknown as ChatloomSession;
  await session.connect();
  await new Promise((resolve) => setImmediate(resolve));
  expect([...store.texts.keys()]).toEqual(["other"]);
  session.close();
});

test("what another version has kept, or somebody else, counts for nothing", async () => {
  const store = storage();
  store.texts.set("chatloom/a/b", "no JSON");
  store.texts.set("chatloom/a/c", JSON.stringify({ version: 2, snapshot: "{}" }));
  const { resume } = await page({ storage: store });
  expect(await resume()).toBeUndefined();
  const { resume: without } = await page({});
  await expect(without()).rejects.toThrow(/chatloom.storage/);
});

test("a record that is damaged, in a place where one may lie, counts for nothing, and the others count", async () => {
  const store = storage();
  const chat = newChat();
  const session = (await page({ storage: store })).create(chat);
  await connect(session);
  session.close();
  const whole = { version: 1, savedAt: Date.now() + 1_000, region: "r", endpoint: "e", snapshot: "{}" };
  store.texts.set("chatloom/a/a", JSON.stringify(whole));
  store.texts.set("chatloom/a/b", JSON.stringify({ ...whole, participant: { contactId: 1 } }));
  store.texts.set("chatloom/a/c", "null");
  const { get } = store;
  store.get = (key) => (key === "chatloom/a/d" ? Promise.reject(new Error("unreadable")) : get(key));
  store.texts.set("chatloom/a/d", "");
  const { resume } = await page({ storage: store });
  expect((await resume())?.getChatDetails().contactId).toBe(chat.contactId);
});

test("where nothing can be kept, as in a page that may store nothing, there is nothing to resume", async () => {
  const refused = () => {
    throw new DOMException("denied", "SecurityError");
  };
  const tab = { getItem: refused, setItem: refused, removeItem: refused };
  vi.stubGlobal("sessionStorage", new Proxy(tab, { ownKeys: refused }));
  const { resume, create } = await page({ storage: "session" });
  expect(await resume()).toBeUndefined();
  const session = create(newChat());
  await connect(session);
  session.close();
});

test("without a right to locks a chat goes on all the same", async () => {
  const locks = { request: () => Promise.reject(new DOMException("denied", "SecurityError")) };
  vi.stubGlobal("navigator", { onLine: true, locks });
  const store = storage();
  const chat = newChat();
  const session = (await page({ storage: store })).create(chat);
  await connect(session);
  session.close();
  const resumed = (await (await page({ storage: store })).resume()) as ChatloomSession;
  expect(resumed.getChatDetails().contactId).toBe(chat.contactId);
  resumed.close({ forget: true });
  await vi.waitFor(() => expect([...store.texts.keys()]).toEqual(["other"]));
});

test("with a chat goes what pages that have gone had kept of it, and nothing of pages that go on", async () => {
  vi.stubGlobal("navigator", { onLine: true, locks: new Locks() });
  const store = storage();
  const chat = newChat();
  const pages: ChatloomSession[] = [];
  for (let n = 0; n < 3; n++) {
    pages.push((await page({ storage: store })).create(chat));
    await connect(pages[n] as ChatloomSession);
  }
  const other = (await page({ storage: store })).create(newChat());
  await connect(other);
  const keys = () => [...store.texts.keys()].filter((key) => key.startsWith("chatloom/"));
  expect(keys()).toHaveLength(4);
  other.close();
  pages[0]?.close();
  await new Promise((resolve) => setImmediate(resolve));
  pages[1]?.close({ forget: true });
  await vi.waitFor(() => expect(keys()).toHaveLength(2));
  expect(keys().filter((key) => key.includes(chat.participantId))).toHaveLength(1);
  pages[2]?.close({ forget: true });
  await vi.waitFor(() => expect(keys()).toHaveLength(1));
});

/** The storage of a tab. */
function tabStorage() {
  const texts = new Map<string, string>();
  const tab: Record<string, unknown> = {};
  const members = {
    getItem: (key: string) => texts.get(key) ?? null,
    setItem(key: string, value: string) {
      texts.set(key, value);
      tab[key] = value;
    },
    removeItem(key: string) {
      texts.delete(key);
      delete tab[key];
    },
  };
  for (const [name, value] of Object.entries(members)) Object.defineProperty(tab, name, { value });
  vi.stubGlobal("sessionStorage", tab);
  return texts;
}

test("a tab's storage serves", async () => {
  tabStorage();
  const chat = newChat();
  const { create } = await page({ storage: "session" });
  const session = create(chat);
  await connect(session);
  session.close();
  const { resume } = await page({ storage: "session" });
  expect((await resume())?.getChatDetails().contactId).toBe(chat.contactId);
});

test("several sessions of a chat in one page are kept each for itself, and go on each", async () => {
  const texts = tabStorage();
  const chat = newChat();
  service.stored = [service.item(chat)];
  const first = await page({ storage: "session" });
  const [one, two] = [first.create(chat), first.create(chat)];
  await Promise.all([connect(one), connect(two)]);
  expect(texts.size).toBe(2);
  service.answer("/participant/message", null);
  const waiting = one.sendMessage(text("one"));
  await service.until(() => service.of("/participant/message").length === 1);
  for (const session of [one, two]) session.close();
  await expect(waiting).rejects.toMatchObject({ type: "AbortError" });

  const again = await page({ storage: "session" });
  const gone = [await again.resume(), await again.resume()] as [ChatloomSession, ChatloomSession];
  // Both had everything, so nothing is given twice; what waited is sent once.
  expect(await Promise.all(gone.map(connect))).toEqual([[], []]);
  await service.until(() => service.of("/participant/message").length === 2);
  expect(texts.size).toBe(2);
  gone[0].close({ forget: true });
  await vi.waitFor(() => expect(texts.size).toBe(1));
  gone[1].close({ forget: true });
  await vi.waitFor(() => expect(texts.size).toBe(0));
});

test("what was kept longer ago than a chat can last is thrown away", async () => {
  const store = storage();
  const { create } = await page({ storage: store });
  const [old, fresh] = [newChat(), newChat()];
  for (const chat of [old, fresh]) {
    const session = create(chat);
    await connect(session);
    session.close();
  }
  const aged = (chat: Chat, ms: number) => {
    const key = `chatloom/${chat.contactId}/${chat.participantId}`;
    store.texts.set(key, JSON.stringify({ ...JSON.parse(store.texts.get(key) ?? ""), savedAt: Date.now() - ms }));
  };
  const week = 7 * 24 * 60 * 60 * 1000;
  aged(old, week + 60_000);
  aged(fresh, week - 60_000);
  const { resume } = await page({ storage: store });
  expect(await resume(old.contactId)).toBeUndefined();
  expect(store.texts.has(`chatloom/${old.contactId}/${old.participantId}`)).toBe(false);
  expect((await resume(fresh.contactId))?.getChatDetails().contactId).toBe(fresh.contactId);
});
