import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { ChatSession } from "../src/index";
import { createSession, installWebSocket, newChat, rejection, Service } from "./service";

let service: Service;

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  return () => service.stop();
});
afterEach(() => ChatSession.setGlobalConfig({ region: "us-west-2" }));

const create = ChatSession.create as (args?: unknown) => ReturnType<typeof ChatSession.create>;

test("s004: levels and types have the original's values", () => {
  expect(ChatSession.LogLevel).toEqual({ DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, ADVANCED_LOG: 50 });
  expect(ChatSession.SessionTypes).toEqual({ AGENT: "AGENT", CUSTOMER: "CUSTOMER" });
});

test("s007: creating a session sends nothing", async () => {
  const { session } = createSession(service);
  expect(session).toBeTypeOf("object");
  expect(service.requests).toHaveLength(0);
});

test("s008: a session is an agent's unless something else is said", () => {
  for (const type of [undefined, null, "", "AGENT"]) {
    expect(create({ chatDetails: newChat(), type }).controller.sessionType).toBe("AGENT");
  }
});

test("s009: an unknown type throws, with the type", () => {
  expect(() => create({ chatDetails: newChat(), type: "ROBOT" })).toThrow(
    expect.objectContaining({
      name: "IllegalArgument",
      message: expect.stringMatching(/^Unkown value for session type/),
      argument: "ROBOT",
    }),
  );
});

test("s010: create without arguments throws", () => {
  expect(() => create()).toThrow(TypeError);
});

test("s011 s013: details that are not valid give a session whose methods throw", () => {
  for (const chatDetails of [undefined, {}, { contactId: "c" }, { contactId: 1, participantId: "p" }]) {
    const session = create({ chatDetails, type: "CUSTOMER" });
    expect(session.controller).toBeUndefined();
    expect(() => session.connect()).toThrow(TypeError);
    expect(() => session.onMessage(() => undefined)).toThrow(TypeError);
  }
});

test("details that the core cannot have are named by every call", async () => {
  const logged: unknown[] = [];
  const customizedLogger = { debug() {}, info() {}, warn() {}, error: (text: unknown) => logged.push(text) };
  ChatSession.setGlobalConfig({ endpoint: service.endpoint, loggerConfig: { customizedLogger } });
  const session = create({ chatDetails: { ...newChat(), initialContactId: 7 }, type: "CUSTOMER" });
  const message = "initialContactId is not a string";
  expect(await rejection(session.connect())).toMatchObject({
    _debug: { _debug: { type: "ValidationException", message } },
  });
  expect(logged.some((text) => String(text).includes(message))).toBe(true);
  const { session: other } = createSession(service);
  await expect(other.connect()).resolves.toMatchObject({ connectSuccess: true });
});

test("s012: details may be spelled either way, and capitals win", () => {
  const small = { contactId: "c", participantId: "p", participantToken: "t", initialContactId: "i" };
  const capital = { ContactId: "C", ParticipantId: "P", ParticipantToken: "T", InitialContactId: "I" };
  const details = (chatDetails: object) => create({ chatDetails, type: "CUSTOMER" }).getChatDetails();
  expect(details(small)).toMatchObject(small);
  const expected = { contactId: "C", participantId: "P", participantToken: "T", initialContactId: "I" };
  expect(details(capital)).toMatchObject(expected);
  expect(details({ ...small, ...capital })).toMatchObject(expected);
});

test("s014: the initial contact defaults to the contact", () => {
  const { session, chat } = createSession(service);
  expect(session.getChatDetails().initialContactId).toBe(chat.contactId);
});

test("s018: a customer's session can leave, an agent's can clean up, and neither can do both", () => {
  const { session } = createSession(service);
  expect(session.disconnectParticipant).toBeTypeOf("function");
  expect(session).not.toHaveProperty("cleanUpOnParticipantDisconnect");
  const agent = create({ chatDetails: newChat() });
  expect(agent).toHaveProperty("cleanUpOnParticipantDisconnect");
  expect(agent).not.toHaveProperty("disconnectParticipant");
});

test("s082: cleaning up takes every callback away at once", async () => {
  const { session } = createSession(service);
  const heard: unknown[] = [];
  session.onConnectionEstablished((event) => heard.push(event));
  session.controller.cleanUpOnParticipantDisconnect();
  await session.connect();
  await new Promise((resolve) => session.onConnectionEstablished(resolve));
  expect(heard).toEqual([]);
});

test("s020: configuring without an argument throws", () => {
  expect(() => (ChatSession.setGlobalConfig as (config?: unknown) => void)()).toThrow(TypeError);
});

test("s022 s029_mended_d14: members that are left out stay, and a session keeps what it was created with", async () => {
  const other = await Service.start();
  const { session: first } = createSession(service);
  ChatSession.setGlobalConfig({ endpoint: `${other.endpoint}/`, customUserAgentSuffix: "my page" });
  ChatSession.setGlobalConfig({});
  const second = ChatSession.create({ chatDetails: newChat(), type: "CUSTOMER" });
  await Promise.all([first.connect(), second.connect()]);
  expect([service.requests.length, other.requests.length]).toEqual([1, 1]);
  expect(other.requests[0]?.headers["x-amz-user-agent"]).toMatch(/ AmazonConnect-ChatJS\/5\.0\.0-my-page$/);
  await other.stop();
});

test("s015 s027 s028 s030: the region is that of the override, of the session, of the page; then us-west-2", async () => {
  vi.resetModules();
  const { ChatSession: fresh } = await import("../src/index");
  const urls: string[] = [];
  vi.stubGlobal("fetch", (url: string) => {
    urls.push(url.replace(/https:\/\/participant\.connect\.(.*)\.amazonaws\.com\/participant\/connection/, "$1"));
    return Promise.resolve(new Response('{"Message":"no"}', { status: 403 }));
  });
  const connect = (region?: string) =>
    rejection(fresh.create({ chatDetails: newChat(), type: "CUSTOMER", options: region ? { region } : {} }).connect());
  await connect();
  fresh.setGlobalConfig({ region: "eu-west-2" });
  await connect();
  await connect("ap-southeast-2");
  await connect();
  fresh.setRegionOverride("eu-central-1");
  await connect("us-east-1");
  fresh.setRegionOverride("");
  await connect();
  vi.unstubAllGlobals();
  expect(urls).toEqual(["us-west-2", "eu-west-2", "ap-southeast-2", "ap-southeast-2", "eu-central-1", "us-east-1"]);
});

function logger() {
  const lines: string[] = [];
  const write = (method: string) => (text: string) => lines.push(`${method}: ${text}`);
  return { lines, logger: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") } };
}

/** Logs one error: the details are not valid. */
const logError = () => create({ chatDetails: {}, type: "CUSTOMER" });

test("s033 s034 s036 s037: messages go to the application's logger, in the original's form, from a level on", async () => {
  const { lines, logger: mine } = logger();
  const { lines: others, logger: other } = logger();
  ChatSession.setGlobalConfig({ loggerConfig: { customizedLogger: mine, logger: other, useDefaultLogger: true } });
  logError();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^error: ERROR \["the details of the chat are not valid:",".*not a non-empty string.*"\] \{"sessionType":"CUSTOMER","region":"us-west-2"\}$/,
  );
  ChatSession.setGlobalConfig({ loggerConfig: { logger: other, level: ChatSession.LogLevel.ADVANCED_LOG } });
  logError();
  ChatSession.setGlobalConfig({});
  logError();
  expect(lines).toHaveLength(1);
  expect(others).toHaveLength(0);
});

test("s037: the console is used on demand, with the time", async () => {
  vi.resetModules();
  const { ChatSession: fresh } = await import("../src/index");
  const error = vi.spyOn(console, "error").mockImplementation(() => undefined);
  fresh.setGlobalConfig({ loggerConfig: { useDefaultLogger: true } });
  (fresh.create as (args: unknown) => unknown)({ chatDetails: {}, type: "CUSTOMER" });
  expect(error.mock.calls[0]?.[0]).toMatch(/^ERROR \[\d{4}-.*Z\] ChatJS: the details of the chat are not valid:/);
  error.mockRestore();
});

test("no secret and no content is logged", async () => {
  const { lines, logger: mine } = logger();
  ChatSession.setGlobalConfig({ loggerConfig: { customizedLogger: mine, level: ChatSession.LogLevel.DEBUG } });
  const { session, chat } = createSession(service);
  ChatSession.setGlobalConfig({ loggerConfig: { customizedLogger: mine, level: ChatSession.LogLevel.DEBUG } });
  service.answer("/participant/connection", { status: 403, body: { Message: chat.participantToken } });
  await rejection(session.connect());
  await session.connect();
  service.answer("/participant/message", { status: 400, body: { Message: "secret" } });
  await rejection(session.sendMessage({ message: "my card number", contentType: "text/plain" }));
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).not.toMatch(/token|card|secret/);
});
