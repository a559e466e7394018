/** Clients of the service that the application brings. */
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { ask } from "../src/host/clients";
import type { ParticipantClient } from "../types/index";
import type { HttpOutput } from "../src/host/core";
import { begin } from "./direct";
import { installWebSocket, newChat, rejection, Service } from "./service";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  vi.stubGlobal("fetch", () => {
    throw new Error("the package made a request itself");
  });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await service.stop();
});

type Input = Record<string, unknown>;

/** What a client was asked. */
let asked: [string, Input][];
beforeEach(() => {
  asked = [];
});

function answer(operation: string, input: Input): Input {
  asked.push([operation, input]);
  const later = new Date(Date.now() + 86_400_000).toISOString();
  const $metadata = { httpStatusCode: 200, requestId: "sdk-1", attempts: 1, totalRetryDelay: 0 };
  if (operation === "CreateParticipantConnection") {
    return {
      $metadata,
      Websocket: { Url: service.endpoint.replace("http", "ws"), ConnectionExpiry: later },
      ConnectionCredentials: { ConnectionToken: "connection-token", Expiry: later },
    };
  }
  if (operation === "DescribeView") return { $metadata, View: { Id: "v" } };
  return { $metadata, Id: "i-1", AbsoluteTime: "2026-01-01T00:00:00.000Z" };
}

const OPERATIONS = ["CreateParticipantConnection", "SendMessage", "SendEvent", "DescribeView", "DisconnectParticipant"];

function lower(operation: string): string {
  return operation.charAt(0).toLowerCase() + operation.slice(1);
}

/** As `ConnectParticipant` of the SDK v3. */
function methods(): ParticipantClient {
  const client: Record<string, unknown> = {};
  for (const name of OPERATIONS) client[lower(name)] = async (input: Input) => answer(name, input);
  return client;
}

/** As `AWS.ConnectParticipant` of the SDK v2. */
function requests(): ParticipantClient {
  const client: Record<string, unknown> = {};
  for (const name of OPERATIONS) {
    client[lower(name)] = (input: Input) => ({
      promise: async () => {
        const { $metadata, ...data } = answer(name, input);
        return $metadata && data;
      },
      abort() {},
    });
  }
  return client;
}

/** As `ConnectParticipantClient` of the SDK v3 and its commands. */
function commands(): ParticipantClient {
  class Command {
    constructor(readonly input: Input) {}
  }
  const client: Record<string, unknown> = {};
  for (const name of OPERATIONS)
    client[`${name}Command`] = class extends Command {
      operation = name;
    };
  client["send"] = async (command: Command & { operation: string }, options: { abortSignal: AbortSignal }) => {
    expect(options.abortSignal.aborted).toBe(false);
    return answer(command.operation, command.input);
  };
  return client;
}

test.each([
  ["methods that give promises", methods, "sdk-1"],
  ["methods that give requests", requests, undefined],
  ["commands", commands, "sdk-1"],
])("a client with %s makes the requests", async (_, make, requestId) => {
  const chat = newChat();
  const session = begin(service, { client: make() }, false, chat);
  await session.call({ type: "connect" });
  const answered = await session.call({
    type: "sendMessage",
    contentType: "text/plain",
    content: "Hello",
    clientToken: "mine",
  });
  expect(answered.data).toEqual({
    $metadata: { httpStatusCode: 200, requestId, attempts: 1, totalRetryDelay: 0 },
    Id: "i-1",
    AbsoluteTime: "2026-01-01T00:00:00.000Z",
  });
  await expect(session.call({ type: "describeView", viewToken: "a/b c" })).resolves.toMatchObject({
    data: { View: { Id: "v" } },
  });
  expect(asked).toEqual([
    [
      "CreateParticipantConnection",
      { Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"], ParticipantToken: chat.participantToken },
    ],
    [
      "SendMessage",
      { ClientToken: "mine", Content: "Hello", ContentType: "text/plain", ConnectionToken: "connection-token" },
    ],
    ["DescribeView", { ViewToken: "a/b c", ConnectionToken: "connection-token" }],
  ]);
});

test.each([
  [
    "v3",
    () =>
      Object.assign(new Error("Access denied"), {
        name: "AccessDeniedException",
        $metadata: { httpStatusCode: 403, requestId: "sdk-2" },
      }),
  ],
  ["v2", () => Object.assign(new Error("Access denied"), { code: "AccessDeniedException", statusCode: 403 })],
])("an error of the SDK %s is one of the service", async (_, error) => {
  const client = { ...methods(), createParticipantConnection: () => Promise.reject(error()) };
  const session = begin(service, { client });
  expect(await rejection(session.call({ type: "connect" }))).toMatchObject({
    error: "service",
    name: "AccessDeniedException",
    status: 403,
    message: "Access denied",
  });
});

test("one that says when to come back is asked again then, and one that cannot be reached fails the call", async () => {
  let times = 0;
  const throttled = Object.assign(new Error("slower"), {
    name: "ThrottlingException",
    $metadata: { httpStatusCode: 429 },
    $response: { headers: { "retry-after": "0.01" } },
  });
  const client = {
    ...methods(),
    sendMessage: async (input: Input) => {
      if (++times === 1) throw throttled;
      return answer("SendMessage", input);
    },
    sendEvent: () => Promise.reject(new TypeError("Failed to fetch")),
  };
  const session = begin(service, { client });
  await session.call({ type: "connect" });
  const text = { contentType: "text/plain", content: "{}", clientToken: undefined };
  await expect(session.call({ type: "sendMessage", ...text })).resolves.toMatchObject({
    data: { $metadata: { attempts: 2 } },
  });
  expect(await rejection(session.call({ type: "sendEvent", ...text }))).toMatchObject({
    error: "unreachable",
    message: "TypeError: Failed to fetch",
  });
  expect(await rejection(session.call({ type: "getAttachmentUrl", attachmentId: "a" }))).toMatchObject({
    message: "TypeError: options.participantClient has no way to GetAttachment",
  });
});

test("a client without an answer is given up and told so", async () => {
  // A host whose every timer is a fake one.
  vi.useFakeTimers();
  vi.resetModules();
  try {
    const { begin } = await import("./direct");
    let aborted = 0;
    const silent = () => ({ promise: () => new Promise(() => undefined), abort: () => aborted++ });
    const session = begin(service, { client: { createParticipantConnection: silent } });
    const rejected = rejection(session.call({ type: "connect" }));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(await rejected).toMatchObject({ error: "unreachable", message: expect.stringMatching(/^TimeoutError: /) });
    expect(aborted).toBe(3);
  } finally {
    vi.useRealTimers();
  }
});

test("what asks a client is waited for no longer than for an answer, and asks nothing that was given up", async () => {
  vi.useFakeTimers();
  vi.resetModules();
  try {
    const { begin } = await import("./direct");
    const { useAsker } = await import("../src/host/http");
    const loaded: ((found: typeof ask) => void)[] = [];
    useAsker(() => new Promise((resolve) => loaded.push(resolve)));
    const createParticipantConnection = vi.fn();
    const session = begin(service, { client: { createParticipantConnection } });
    const rejected = rejection(session.call({ type: "connect" }));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(await rejected).toMatchObject({ error: "unreachable", message: expect.stringMatching(/^TimeoutError: /) });
    expect(loaded).toHaveLength(3);
    for (const load of loaded) load(ask);
    await vi.advanceTimersByTimeAsync(0);
    expect(createParticipantConnection).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  ["answers with a status that is no number", () => Promise.resolve({ $metadata: { httpStatusCode: "good" } })],
  ["rejects with something without a text", () => Promise.reject(Object.create(null) as Error)],
  ["gives nothing", () => undefined],
])("a call ends when a client %s", async (_, describeView) => {
  const session = begin(service, { client: { ...methods(), describeView } });
  await session.call({ type: "connect" });
  const failed = await rejection(session.call({ type: "describeView", viewToken: "v" }));
  expect(failed).toMatchObject({ error: "unreachable" });
});

test("a client may have one wait for a part of a millisecond", async () => {
  const error = Object.assign(new Error("slower"), {
    $metadata: { httpStatusCode: 429 },
    $response: { headers: { "retry-after": "0.0015" } },
  });
  const http = { operation: "DescribeView", headers: {}, url: "/v", body: "" } as unknown as HttpOutput;
  const reply = ask({ describeView: () => Promise.reject(error) }, http, new AbortController().signal);
  await expect(reply).resolves.toMatchObject({ status: 429, retryAfterMs: 2 });
});
