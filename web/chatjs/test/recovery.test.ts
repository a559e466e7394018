/** What a session in Chatloom behaviour keeps when the core panics. */
import { beforeAll, expect, test } from "vitest";

import core from "chatloom:core-full";

import { Host } from "../src/host/host";
import { type Exports, inlined } from "../src/host/wasm";
import { beginOn, type Direct, names } from "./direct";
import { panic, panicking } from "./panics";
import { installWebSocket, Service } from "./service";

beforeAll(installWebSocket);

const text = (content: string) =>
  ({ type: "sendMessage", contentType: "text/plain", content, clientToken: undefined }) as const;

async function until(session: Direct, holds: () => boolean): Promise<void> {
  while (!holds()) await session.next();
}

test.each([
  ["that is kept goes on: what was not sent is sent once", true],
  ["that is not kept goes on: a message that may have been sent is not sent again", false],
])("d12: a session %s, and nothing is delivered twice", async (_, persist) => {
  const service = await Service.start();
  service.stored = [];
  const source = panicking(inlined(core));
  const host = new Host({ ...source, needsWholeItems: true }, source.load());
  const session = beginOn(host, service, { chatloom: true, persist });
  service.stored.push(service.item(session.chat), service.item(session.chat));
  await session.call({ type: "connect" });
  await until(session, () => names(session).includes("caughtUp"));
  expect(session.items.map(({ item }) => item)).toEqual(service.stored);

  // One message is on its way when the core panics, at a frame that nobody can be blamed for.
  const answer = service.hold("/participant/message");
  const rejected = session.call(text("on its way")).catch((error: unknown) => error);
  await service.until(() => service.of("/participant/message").length === 1);
  session.events.length = 0;
  panic();
  const missed = service.push(session.chat);
  expect(await rejected).toMatchObject({ error: "closed", message: "the core has failed" });
  answer();
  await until(session, () => names(session).includes("caughtUp"));
  expect(session.items.map(({ item }) => item)).toEqual([...service.stored.slice(0, 2), missed]);

  const isSent = () => session.events.some((event) => event.type === "message" && event.state === "sent");
  if (persist) await until(session, isSent);
  const [first, second, ...others] = service.of("/participant/message");
  expect(others).toEqual([]);
  // The service takes them for one: the message and its token are the same.
  expect(second?.body).toEqual(persist ? first?.body : undefined);
  expect(names(session)).toContain("lost");
  expect(names(session)).not.toContain("broken");
  const live = service.push(session.chat);
  await until(session, () => session.items.length === 4);
  expect(session.items[3]?.item).toEqual(live);
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
  const session = beginOn(new Host(source, source.load()), service);
  await session.call({ type: "connect" });
  const stop = new AbortController();
  await session.call(text("x"), { signal: stop.signal });
  stop.abort();
  service.answer("/participant/start-attachment-upload", {
    status: 200,
    body: { AttachmentId: "a", UploadMetadata: { Url: `${service.endpoint}/storage`, HeadersToInclude: {} } },
  });
  const what = { type: "sendAttachment", name: "a.txt", size: 1, contentType: "text/plain" } as const;
  await expect(session.call(what)).rejects.toMatchObject({ message: "TypeError: the call has no file" });
  await service.stop();
});
