/** What the host does where a page's surroundings misbehave. */
import { afterEach, expect, test, vi } from "vitest";

import { newChat, rejection } from "./service";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.resetModules();
});

test("a request without an answer is given up, and connect rejects after three", async () => {
  vi.useFakeTimers();
  const fetch = vi.fn(
    (_url: string, { signal }: { signal: AbortSignal }) =>
      new Promise<Response>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
  vi.stubGlobal("fetch", fetch);
  const { ChatSession } = await import("../src/index");
  const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  const rejected = rejection(session.connect());
  await vi.advanceTimersByTimeAsync(120_000);
  expect(await rejected).toMatchObject({
    _debug: { _debug: { type: "TimeoutError", message: expect.stringMatching(/no answer within \d+ ms$/) } },
    connectSuccess: false,
  });
  expect(fetch).toHaveBeenCalledTimes(3);
});

/** A page whose sockets open at once and never say anything by themselves. */
function silentPage() {
  const sockets: Socket[] = [];
  class Socket {
    onopen?: (event: unknown) => void;
    onclose?: (event: unknown) => void;
    readonly sent: string[] = [];
    constructor() {
      sockets.push(this);
      queueMicrotask(() => this.onopen?.({}));
    }
    send(text: string) {
      this.sent.push((JSON.parse(text) as { topic: string }).topic);
    }
    close() {}
  }
  const page = new EventTarget();
  const expiry = "2100-01-01T00:00:00.000Z";
  const connection = {
    Websocket: { Url: "wss://example.com/", ConnectionExpiry: expiry },
    ConnectionCredentials: { ConnectionToken: "x", Expiry: expiry },
  };
  const fetch = vi.fn(() => Promise.resolve(new Response(JSON.stringify(connection))));
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("fetch", fetch);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  return { sockets, page, fetch };
}

test("the one timer serves the heartbeats, and a silent socket is replaced", async () => {
  vi.useFakeTimers();
  const { sockets, fetch } = silentPage();
  const { ChatSession } = await import("../src/index");
  const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  await session.connect();
  await vi.advanceTimersByTimeAsync(0);
  expect(sockets[0]?.sent).toEqual(["aws/subscribe", "aws/ping", "aws/heartbeat"]);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets.length).toBeGreaterThan(1);
  expect(fetch.mock.calls.length).toBe(sockets.length);
  expect(vi.getTimerCount()).toBe(1);
});

test("without a network nothing is asked for, and its return is", async () => {
  vi.useFakeTimers();
  const { sockets, page, fetch } = silentPage();
  const { ChatSession } = await import("../src/index");
  const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  await session.connect();
  await vi.advanceTimersByTimeAsync(0);
  page.dispatchEvent(new Event("offline"));
  sockets[0]?.onclose?.({ code: 1006, reason: "" });
  await vi.advanceTimersByTimeAsync(300_000);
  expect(fetch).toHaveBeenCalledTimes(1);
  page.dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(fetch).toHaveBeenCalledTimes(2);
  expect(sockets).toHaveLength(2);
});

test("a socket whose end has no reason, as on some platforms, is known to be gone", async () => {
  vi.useFakeTimers();
  const { sockets } = silentPage();
  const { ChatSession } = await import("../src/index");
  const session = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  await session.connect();
  await vi.advanceTimersByTimeAsync(0);
  const lost = vi.fn();
  session.onConnectionLost(lost);
  sockets[0]?.onclose?.({ code: 1006 });
  await vi.advanceTimersByTimeAsync(0);
  expect(lost).toHaveBeenCalledOnce();
});

test("what a socket says in the middle of another input is handled after it", async () => {
  const { sockets } = silentPage();
  const { ChatSession } = await import("../src/index");
  const chat = newChat();
  const session = ChatSession.create({ chatDetails: chat, type: "CUSTOMER" });
  const items: unknown[] = [];
  const received = new Promise<void>((resolve) => {
    session.onMessage((event) => {
      items.push((event as { data: { Id: string } }).data.Id);
      if (items.length === 3) resolve();
    });
  });
  await session.connect();
  const [socket] = sockets as unknown as [
    { send: (text: string) => void; onmessage?: (event: { data: string }) => void },
  ];
  let ids = 0;
  socket.send = () => {
    const content = JSON.stringify({ Id: `${++ids}`, ContactId: chat.contactId, ContentType: "text/plain" });
    socket.onmessage?.({ data: JSON.stringify({ topic: "aws/chat", content }) });
  };
  // The socket opens with three frames, and answers each while it is being sent.
  await received;
  expect(items).toEqual(["1", "2", "3"]);
});
