/** The entry `./js` in an engine that has next to nothing: no wasm, no window, no document, no navigator. */
import vm from "node:vm";

import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { plain } from "../build/build.mjs";
import { newChat, Service } from "./service";
import { WebSocket } from "ws";

let service: Service;
let text = "";
beforeAll(async () => {
  const { outputFiles } = await build({ ...plain, format: "cjs", minify: true, write: false, sourcemap: false });
  text = outputFiles[0]?.text ?? "";
  service = await Service.start();
});
afterAll(() => service.stop());

/** What React Native has on any engine; functions of this process, which a page of it would call its own. */
const ENGINE = { AbortController, clearTimeout, fetch, performance, setTimeout, WebSocket };

/** The module, run where there is only that. */
function load(globals: object = {}): any {
  const context = vm.createContext({ ...ENGINE, ...globals }, { codeGeneration: { strings: false, wasm: false } });
  vm.runInContext("delete globalThis.WebAssembly", context);
  const module = { exports: {} };
  vm.runInContext(`(function (module, exports) {${text}\n})`, context)(module, module.exports);
  const missing = ["WebAssembly", "window", "document", "navigator", "crypto", "TextEncoder", "TextDecoder"];
  expect(missing.filter((name) => vm.runInContext(`typeof ${name}`, context) !== "undefined")).toEqual([]);
  return { ...module.exports, connect: vm.runInContext("connect", context) };
}

describe("in a bare engine", () => {
  test("a chat runs from its start to its end, text of all the world included", async () => {
    const { ChatSession, connect } = load();
    expect(connect.ChatSession).toBe(ChatSession);
    ChatSession.setGlobalConfig({ endpoint: service.endpoint });
    const chat = newChat();
    const session = ChatSession.create({ chatDetails: chat, type: "CUSTOMER" });
    const events: any[] = [];
    session.onMessage(({ data }: any) => events.push(data));
    const ended = new Promise((resolve) => session.onEnded(resolve));
    await session.connect();
    await service.until(() => service.frames.includes("aws/subscribe"));

    const message = "Gr\u00fc\u00dfe \u2014 \u4f60\u597d \ud83d\ude00 \ud83d";
    const { data } = await session.sendMessage({ message, contentType: "text/plain" });
    expect(data.Id).toMatch(/^sent-/);
    expect(service.of("/participant/message").at(-1)?.body).toMatchObject({
      Content: message.replace(/\ud83d$/, "\ufffd"),
    });
    const item = service.push(chat, { Content: message });
    const last = service.push(chat, {
      Type: "EVENT",
      ContentType: "application/vnd.amazonaws.connect.event.chat.ended",
    });
    await ended;
    expect(events).toEqual([item, last]);
  });

  test("the memory of the core grows while it is in use", async () => {
    const { ChatSession } = load();
    ChatSession.setGlobalConfig({ endpoint: service.endpoint });
    const chat = newChat();
    const session = ChatSession.create({ chatDetails: chat, type: "CUSTOMER" });
    const events: any[] = [];
    session.onMessage(({ data }: any) => events.push(data.Content));
    await session.connect();
    const before = service.of("/participant/message").length;
    for (const length of [10, 100_000, 3_000_000]) {
      const message = "\u00fc".repeat(length);
      await session.sendMessage({ message, contentType: "text/plain" });
      await session.sendMessage({ message: `after ${length}`, contentType: "text/plain" });
    }
    const sent = service.of("/participant/message").slice(before);
    const texts = sent.map(({ body }) => String(body["Content"]));
    expect(texts.map((text) => text.length)).toEqual([10, 8, 100_000, 12, 3_000_000, 13]);
    expect(texts.every((text) => /^(?:\u00fc+|after \d+)$/.test(text))).toBe(true);
  });

  test.each([
    ["at once", (online: boolean) => online],
    ["later", (online: boolean) => Promise.resolve(online)],
  ])("the application says %s whether there is a network", async (_, answer) => {
    const { ChatSession } = load();
    let online = true;
    let askedInVain = 0;
    let hears = () => {};
    const heard = new Promise<void>((resolve) => {
      hears = resolve;
    });
    const isNetworkOnline = () => {
      if (!online) {
        hears();
        // It is asked again and again while there is none; then there is one.
        if (++askedInVain === 3) online = true;
      }
      return answer(online);
    };
    ChatSession.setGlobalConfig({ endpoint: service.endpoint, webSocketManagerConfig: { isNetworkOnline } });
    const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
    const lost = new Promise((resolve) => session.onConnectionLost(resolve));
    const subscribed = service.frames.filter((topic) => topic === "aws/subscribe").length;
    await session.connect();
    await service.until(() => service.frames.filter((topic) => topic === "aws/subscribe").length > subscribed);
    online = false;
    await heard;
    const established = new Promise<boolean>((resolve) => session.onConnectionEstablished(() => resolve(online)));
    service.sockets.at(-1)?.terminate();
    await lost;
    expect(await established).toBe(true);
    expect(askedInVain).toBe(3);
    await expect(session.sendMessage({ message: "back", contentType: "text/plain" })).resolves.toBeDefined();
  });
});
