/** What a session in Chatloom behaviour keeps when the core panics. */
import { beforeAll, expect, test, vi } from "vitest";

import core from "chatloom:core-full";

import { useAddition } from "../src/chatloom/addition";
import { additionWith } from "../src/chatloom/parts";
import type { ChatloomSession } from "../src/chatloom/session";
import type { Item } from "../src/host/core";
import { Host } from "../src/host/host";
import { type Exports, inlined } from "../src/host/wasm";
import { beginOn, type Direct, names } from "./direct";
import { panic, panicking } from "./panics";
import { ChatSession } from "../src/index";
import { installWebSocket, newChat, next, rejection, Service } from "./service";

beforeAll(installWebSocket);

const text = (content: string) =>
  ({ type: "sendMessage", contentType: "text/plain", content, clientToken: undefined }) as const;

async function until(session: Direct, holds: () => boolean): Promise<void> {
  while (!holds()) await session.next();
}

test.each([
  ["that is kept goes on: what was not sent is sent once", true],
  ["that is not kept goes on: a message that may have been sent is not sent again", false],
])("d12: a session %s, and nothing is delivered twice", async (_, isKept) => {
  const service = await Service.start();
  service.stored = [];
  const chat = newChat();
  service.stored.push(service.item(chat), service.item(chat));
  useAddition(async () => additionWith(panicking(inlined(core)).load));
  const texts = new Map<string, string>();
  const storage = {
    get: (key: string) => texts.get(key),
    set: (key: string, text: string) => void texts.set(key, text),
    delete: (key: string) => void texts.delete(key),
    keys: () => texts.keys(),
  };
  const session = ChatSession.create({
    chatDetails: chat,
    type: "CUSTOMER",
    options: { chatloom: { endpoint: service.endpoint, ...(isKept && { storage }) } },
  }) as ChatloomSession;
  const told: string[] = [];
  const items: unknown[] = [];
  const states: string[] = [];
  session.onMessage((event) => items.push((event as { data: Item }).data));
  session.onConnectionLost(() => told.push("lost"));
  session.onConnectionBroken(() => told.push("broken"));
  session.onMessageState((event) => states.push((event as { data: { state: string } }).data.state));
  const caughtUp = () => next((callback) => session.onCaughtUp(callback));
  const first = caughtUp();
  await session.connect();
  await first;
  expect(items).toEqual(service.stored);

  // One message is on its way when the core panics, at a frame that nobody can be blamed for.
  const answer = service.hold("/participant/message");
  const rejected = rejection(session.sendMessage({ message: "on its way", contentType: "text/plain" }));
  await service.until(() => service.of("/participant/message").length === 1);
  const again = caughtUp();
  panic();
  const missed = service.push(chat);
  expect(await rejected).toMatchObject({ type: "AbortError", message: "the core has failed" });
  answer();
  await again;
  await vi.waitFor(() => expect(items).toEqual([...(service.stored ?? []).slice(0, 2), missed]));

  if (isKept) await vi.waitFor(() => expect(states.at(-1)).toBe("sent"));
  const [one, two, ...others] = service.of("/participant/message");
  expect(others).toEqual([]);
  // The service takes them for one: the message and its token are the same.
  expect(two?.body).toEqual(isKept ? one?.body : undefined);
  expect(told).toEqual(["lost"]);
  const live = service.push(chat);
  await vi.waitFor(() => expect(items[3]).toEqual(live));
  session.close();
  await service.stop();
});

test("a core that has to be loaded is loaded again, and what is asked for meanwhile is done then", async () => {
  const service = await Service.start();
  const source = panicking(inlined(core));
  const loads: (() => void)[] = [];
  let isThere = true;
  const later = {
    load: () =>
      new Promise<Exports>((resolve, reject) => {
        loads.push(() => (isThere ? resolve(source.load() as Exports) : reject(new Error("404"))));
      }),
  };
  const host = new Host(later, later.load());
  const session = beginOn(host, service);
  const connected = session.call({ type: "connect" });
  loads[0]?.();
  await connected;
  await until(session, () => names(session).includes("established"));

  panic();
  service.push(session.chat);
  await until(session, () => names(session).includes("lost"));
  const sent = session.call(text("meanwhile"));
  session.events.length = 0;
  loads[1]?.();
  await expect(sent).resolves.toBeDefined();
  await until(session, () => names(session).includes("established"));

  // A file that is gone: the sessions are broken, and the calls say why.
  isThere = false;
  panic();
  service.push(session.chat);
  await until(session, () => names(session).includes("lost"));
  const failed = session.call(text("in vain")).catch((error: unknown) => error);
  loads[2]?.();
  expect(await failed).toMatchObject({ error: "unreachable", message: "the core could not be loaded: 404" });
  expect(names(session)).toContain("broken");
  expect(host.failed).toBe(true);
  await service.stop();
});

test("s155: a loss that has been told is not told again when the core panics", async () => {
  const service = await Service.start();
  const source = panicking(inlined(core));
  const host = new Host(source, source.load());
  const [session, other] = [beginOn(host, service), beginOn(host, service)];
  for (const one of [session, other]) {
    await one.call({ type: "connect" });
    await until(one, () => names(one).includes("established"));
  }
  const answer = service.hold("/participant/connection");
  service.sockets[0]?.terminate();
  await until(session, () => names(session).includes("lost"));
  panic();
  service.push(other.chat);
  await until(other, () => names(other).includes("lost"));
  answer();
  const established = (one: Direct) => names(one).filter((name) => name === "established").length;
  for (const one of [session, other]) {
    await until(one, () => established(one) === 2);
    expect(names(one).filter((name) => name === "lost")).toHaveLength(1);
  }
  await service.stop();
});

test("a call that has no file, and one that is called off after its end, disturb nothing", async () => {
  const service = await Service.start();
  const source = panicking(inlined(core));
  const host = new Host(source, source.load());
  const session = beginOn(host, service);
  await session.call({ type: "connect" });
  let number = 0;
  await session.call(text("x"), { started: (call) => (number = call) });
  host.cancel(number);
  service.answer("/participant/start-attachment-upload", {
    status: 200,
    body: { AttachmentId: "a", UploadMetadata: { Url: `${service.endpoint}/storage`, HeadersToInclude: {} } },
  });
  const what = { type: "sendAttachment", name: "a.txt", size: 1, contentType: "text/plain" } as const;
  await expect(session.call(what)).rejects.toMatchObject({ message: "TypeError: the call has no file" });
  await service.stop();
});
