/** What an application says of the network, as those for React Native do (S32). */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { newChat } from "./service";

/** Sockets that were opened, newest last. */
let sockets: Socket[];
const fetched = vi.fn();

class Socket {
  onopen?: (event: unknown) => void;
  onclose?: (event: unknown) => void;
  constructor() {
    sockets.push(this);
    queueMicrotask(() => this.onopen?.({}));
  }
  send(): void {}
  close(): void {}
}

beforeEach(() => {
  sockets = [];
  fetched.mockReset();
  fetched.mockImplementation(() => {
    const expiry = "2100-01-01T00:00:00.000Z";
    const connection = {
      Websocket: { Url: "wss://example.com/", ConnectionExpiry: expiry },
      ConnectionCredentials: { ConnectionToken: "x", Expiry: expiry },
    };
    return Promise.resolve(new Response(JSON.stringify(connection)));
  });
  vi.useFakeTimers();
  vi.resetModules();
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function connected(isNetworkOnline: () => boolean | Promise<boolean>) {
  const { ChatSession } = await import("../src/index");
  ChatSession.setGlobalConfig({ webSocketManagerConfig: { isNetworkOnline } });
  const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  await session.connect();
  await vi.advanceTimersByTimeAsync(0);
  return session;
}

/** A socket that closes for lack of a network. */
async function lose(): Promise<void> {
  sockets.at(-1)?.onclose?.({ code: 1006, reason: "" });
  await vi.advanceTimersByTimeAsync(60_000);
}

let online = true;
beforeEach(() => {
  online = true;
});

test.each([
  ["at once", () => online],
  ["later", async () => online],
  ["as a promise of another window", () => ({ then: (say: (on: boolean) => void) => say(online) }) as Promise<boolean>],
])("s032: an application that answers %s is believed", async (_, isNetworkOnline) => {
  await connected(isNetworkOnline);
  online = false;
  await vi.advanceTimersByTimeAsync(2_000);
  await lose();
  expect(fetched).toHaveBeenCalledTimes(1);
  online = true;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(fetched).toHaveBeenCalledTimes(2);
  expect(sockets).toHaveLength(2);
});

test("s032: the browser's opinion counts no more", async () => {
  const page = new EventTarget();
  vi.stubGlobal("navigator", { onLine: false });
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  await connected(() => true);
  page.dispatchEvent(new Event("offline"));
  await lose();
  expect(sockets.length).toBeGreaterThan(1);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("no idea");
    },
  ],
  ["rejects", () => Promise.reject(new Error("no idea"))],
])("an application that %s has said nothing", async (_, isNetworkOnline) => {
  await connected(isNetworkOnline);
  await lose();
  expect(sockets.length).toBeGreaterThan(1);
});

test("nobody is asked before there is a session, nor twice at a time", async () => {
  const asked = vi.fn(() => new Promise<boolean>(() => undefined));
  const { ChatSession } = await import("../src/index");
  ChatSession.setGlobalConfig({ webSocketManagerConfig: { isNetworkOnline: asked } });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).not.toHaveBeenCalled();
  for (let session = 0; session < 2; session++) {
    ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(asked).toHaveBeenCalledTimes(1);
});
