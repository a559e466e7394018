/** Loggers, as applications make and give them. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { LoggerConfig } from "../types/index";
import { ChatSession, csmService, LogManager } from "../src/index";

const LEVEL = ChatSession.LogLevel;
let complaints: ReturnType<typeof vi.spyOn>;

beforeEach(() => {
  complaints = vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(() => {
  ChatSession.setGlobalConfig({});
  vi.restoreAllMocks();
});

function logger() {
  const lines: string[] = [];
  const write =
    (method: string) =>
    (...text: unknown[]) =>
      void lines.push(`${method}: ${text.join("|")}`);
  const mine = { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
  return { lines, mine, write };
}

test("s036 s037: a logger of one's own from the manager writes from a level on, and gives what was written", () => {
  const { lines, mine } = logger();
  const own = LogManager.getLogger({ prefix: "Mine", logMetaData: { contactId: "c" } });
  expect(LogManager.hasClientLogger()).toBe(false);
  expect(own.error("nobody hears this")).toBeUndefined();
  ChatSession.setGlobalConfig({ loggerConfig: { logger: mine, level: LEVEL.WARN } });
  expect([LEVEL.INFO, LEVEL.WARN].map((level) => LogManager.isLevelEnabled(level))).toEqual([false, true]);
  own.info("too low");
  expect(own.warn("text", { a: [1] })).toBe('WARN ["text",{"a":[1]}] {"contactId":"c"}');
  LogManager.getLogger().error("text");
  expect(lines).toEqual(['warn: WARN ["text",{"a":[1]}] {"contactId":"c"}', 'error: ERROR ["text"] ']);
  expect(LogManager.writeToClientLogger(LEVEL.ERROR, "as it is")).toBe("ERROR as it is ");
});

test("s037: what the logger gives is given back", () => {
  const { mine } = logger();
  const entry = { sendInternalLogToServer() {} };
  ChatSession.setGlobalConfig({ loggerConfig: { logger: { ...mine, error: () => entry } } });
  expect(LogManager.getLogger().error("text")).toBe(entry);
});

test("s038: the console is written to as text, until an application has given a logger", async () => {
  vi.resetModules();
  const fresh = await import("../src/index");
  const info = vi.spyOn(console, "info").mockImplementation(() => undefined);
  fresh.ChatSession.setGlobalConfig({ loggerConfig: { useDefaultLogger: true } });
  const own = fresh.LogManager.getLogger({ prefix: "Mine" });
  own.info("text", { a: 1 }, [1, 2], undefined, 5);
  expect(info.mock.calls[0]?.[0]).toMatch(/^INFO \[\d{4}-.*Z\] Mine: text \{"a":1\} 1,2 {2}5 $/);
  fresh.ChatSession.setGlobalConfig({ loggerConfig: { logger: logger().mine } });
  fresh.ChatSession.setGlobalConfig({ loggerConfig: { useDefaultLogger: true } });
  own.info("text");
  expect(info.mock.calls[1]?.[0]).toBe('INFO ["text"] ');
});

test("s039 s040: the writer of advanced messages is one of four, and a logger's own; else warn writes them", () => {
  for (const [writer, to, complains] of [
    ["info", "info", 0],
    ["debug", "debug", 0],
    ["log", "log", 0],
    ["error", "warn", 1],
    [undefined, "warn", 1],
    ["nonsense", "warn", 1],
  ] as const) {
    complaints.mockClear();
    const { lines, mine, write } = logger();
    const customizedLogger = { ...mine, log: write("log") };
    const config = writer === undefined ? { customizedLogger } : { customizedLogger, advancedLogWriter: writer };
    ChatSession.setGlobalConfig({ loggerConfig: config as LoggerConfig });
    expect(complaints, writer).toHaveBeenCalledTimes(complains);
    LogManager.getLogger().advancedLog("text");
    expect(lines, writer).toEqual([`${to}: ADVANCED_LOG ["text"] `]);
  }
  ChatSession.setGlobalConfig({ loggerConfig: { logger: logger().mine } });
  expect(complaints).toHaveBeenCalledTimes(1);
});

test("s041: circles among what is logged are cut", () => {
  const { lines, mine } = logger();
  ChatSession.setGlobalConfig({ loggerConfig: { logger: mine } });
  const circle: Record<string, unknown> = { a: 1 };
  circle["self"] = circle;
  LogManager.getLogger({ logMetaData: circle }).info(circle);
  expect(lines).toEqual(['info: INFO [{"a":1}] {"a":1}']);
});

test("a logger that takes its text for a pattern gets it as an argument, and one that throws disturbs nobody", () => {
  const { lines, mine } = logger();
  // As that of Amazon Connect Streams (docs/protocol/streams.md).
  const pattern = (format: string, ...rest: unknown[]) => {
    if (format.includes("% ")) throw new SyntaxError("unexpected placeholder");
    mine.error(format, ...rest);
  };
  ChatSession.setGlobalConfig({ loggerConfig: { logger: { ...mine, error: pattern as () => void } } });
  LogManager.getLogger().error("100 % sure");
  expect(lines).toEqual(['error: %s|ERROR ["100 % sure"] ']);
  const throws = () => {
    throw new Error("no");
  };
  ChatSession.setGlobalConfig({ loggerConfig: { logger: { ...mine, error: throws } } });
  expect(LogManager.getLogger().error("text")).toBeUndefined();
});

test("s004: the class for loggers can be extended, and does nothing by itself", () => {
  class Mine extends ChatSession.Logger {
    override info(...message: unknown[]): unknown {
      return message;
    }
  }
  const mine = new Mine();
  expect(mine.info("a")).toEqual(["a"]);
  for (const method of ["debug", "warn", "error", "advancedLog"] as const) expect(mine[method]("a")).toBeUndefined();
});

test("s042: the metrics object can be configured and touched, and measures nothing", () => {
  const dimension = () => csmService.getDefaultDimensions()[0]?.value;
  expect(dimension()).toBe("CustomChatWidget");
  ChatSession.setGlobalConfig({ csmConfig: { widgetType: "Mine" } });
  expect(dimension()).toBe("Mine");
  for (const nothing of [null, [], "x"]) csmService.updateCsmConfig(nothing as never);
  expect(dimension()).toBe("Mine");
  ChatSession.setGlobalConfig({ csmConfig: {} });
  expect(dimension()).toBeUndefined();
  csmService.addCountMetric("SendMessage", "API");
  csmService.addMetric({});
  csmService.initializeCSM();
  expect([csmService.metricsToBePublished, csmService.csmInitialized]).toEqual([[], false]);
  expect(csmService._hasCSMFailedToImport()).toBe(true);
});
