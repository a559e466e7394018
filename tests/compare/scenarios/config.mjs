// setGlobalConfig, regions, agent strings and logging.
import { message } from "../lib/items.mjs";

const HELLO = { message: "hello", contentType: "text/plain" };
const EVERY = ["debug", "info", "warn", "error", "log"];

/** A logger that writes into the trace what it is given: its form, not the library's own words. */
function logger(page, name, methods = EVERY) {
  const write =
    (method) =>
    (...args) => {
      page.logs.push({ name, method, args });
      return undefined;
    };
  page.logs ??= [];
  return Object.fromEntries(methods.map((method) => [method, write(method)]));
}

/** The lines that a logger got, where the library may have its own words. */
const FORM = /^(?<level>[A-Z_]+) (?<list>\[.*\]) (?<about>\{.*\}|"")?$/s;

/** Whether each line has the form that S37 tells of, and comes by the method of its level. */
function showForms(page) {
  const bad = page.logs.filter(({ method, args }) => {
    const found = FORM.exec(args[0])?.groups;
    const of = { DEBUG: "debug", INFO: "info", WARN: "warn", ERROR: "error", ADVANCED_LOG: "info" }[
      found?.level
    ];
    if (args.length !== 1 || of !== method || !Array.isArray(JSON.parse(found.list))) return true;
    const about = Object.keys(JSON.parse(found.about ?? "{}"))
      .sort()
      .join();
    return !["", "contactId,participantId,region,sessionType"].includes(about);
  });
  page.show("lines of another form", bad);
  page.show(
    "error lines",
    page.logs.some(({ method }) => method === "error"),
  );
}

export default function define(scenario) {
  scenario("setGlobalConfig without an argument", (page) => {
    page.attempt("setGlobalConfig", () => page.ChatSession.setGlobalConfig());
    page.attempt("setGlobalConfig", () => page.ChatSession.setGlobalConfig(null));
    page.attempt("setGlobalConfig", () => page.ChatSession.setGlobalConfig({}));
  });

  const configs = {
    "a region": { region: "eu-central-1" },
    "an empty region": { region: "" },
    "an endpoint": { endpoint: "https://chat.page.test" },
    "an endpoint with a path": { endpoint: "https://chat.page.test/base" },
    "an endpoint with a slash behind": { endpoint: "https://chat.page.test/base/" },
    "an endpoint with a port": { endpoint: "http://127.0.0.1:8080" },
    "a stage and a cell": { stage: "beta", cell: "2" },
    "a suffix": { customUserAgentSuffix: "MyWidget/1.0" },
    "a suffix with blanks": { customUserAgentSuffix: "My Widget (test)" },
    "members nobody knows": { mine: 1, reconnect: false },
  };
  for (const [what, config] of Object.entries(configs)) {
    scenario(`configured with ${what}`, async (page) => {
      page.configure(config);
      const chat = await page.connected();
      chat.call("sendMessage", HELLO);
      await page.pass(100);
    });
  }

  scenario("a member that is left out keeps its value", async (page) => {
    page.configure({ region: "eu-west-2", customUserAgentSuffix: "Mine" });
    page.configure({});
    await page.connected();
  });

  scenario("the region of a session's options stays for later ones", async (page) => {
    await page.connected({ options: { region: "eu-west-2" } });
    await page.connected({
      chatDetails: { contactId: "two", participantId: "p", participantToken: "t" },
    });
  });

  scenario("an override goes before every region", async (page) => {
    page.configure({ region: "us-east-1" });
    page.attempt("setRegionOverride", () => page.ChatSession.setRegionOverride("ap-southeast-2"));
    await page.connected({ options: { region: "eu-west-2" } });
    page.ChatSession.setRegionOverride("");
    await page.connected({
      chatDetails: { contactId: "two", participantId: "p", participantToken: "t" },
    });
  });

  scenario("an override of null is none", async (page) => {
    page.ChatSession.setRegionOverride(null);
    await page.connected();
  });

  scenario(
    "an endpoint that is set after the first session",
    { differs: ["D14"] },
    async (page) => {
      await page.connected();
      page.configure({ endpoint: "https://chat.page.test" });
      const chat = await page.connected({
        chatDetails: { contactId: "two", participantId: "p", participantToken: "t" },
      });
      chat.call("sendMessage", HELLO);
      await page.pass(100);
    },
  );

  scenario("a suffix that is set after the first session", { differs: ["D14"] }, async (page) => {
    await page.connected();
    page.configure({ customUserAgentSuffix: "Late" });
    await page.connected({
      chatDetails: { contactId: "two", participantId: "p", participantToken: "t" },
    });
  });

  scenario("a session keeps its endpoint", async (page) => {
    page.configure({ endpoint: "https://one.page.test" });
    const chat = await page.connected();
    page.configure({ endpoint: "https://two.page.test" });
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("setFeatureFlag gives nothing", (page) => {
    page.attempt("setFeatureFlag", () => page.ChatSession.setFeatureFlag("SOMETHING"));
    page.attempt("setFeatureFlag", () => page.ChatSession.setFeatureFlag());
  });

  scenario("csmConfig", (page) => {
    page.configure({ csmConfig: { widgetType: "MyWidget" } });
    page.configure({ csmConfig: {} });
    page.configure({ csmConfig: "text" });
  });

  scenario("nothing is logged unless asked for", async (page) => {
    page.configure({});
    const chat = await page.connected();
    chat.call("sendMessage", { message: 1 });
    page.service.item(message(1));
    await page.pass(15_000);
  });

  for (const level of [undefined, 0, 10, 20, 30, 40]) {
    scenario(`a logger at level ${level}`, async (page) => {
      page.configure({
        loggerConfig: {
          customizedLogger: logger(page, "customized"),
          level,
          advancedLogWriter: "info",
        },
      });
      const chat = page.create();
      chat.call("sendMessage", HELLO);
      chat.call("connect");
      await page.pass(1_000);
      page.service.drop();
      await page.pass(20_000);
      showForms(page);
      page.show(
        "lowest",
        [...new Set(page.logs.map(({ args }) => /^\w+/.exec(args[0])[0]))].every((name) =>
          allowed(level).includes(name),
        ),
      );
    });
  }

  scenario("the texts of log lines", { differs: ["L22"] }, async (page) => {
    page.configure({
      loggerConfig: {
        customizedLogger: logger(page, "customized"),
        level: 40,
        advancedLogWriter: "info",
      },
    });
    page.create().call("sendMessage", HELLO);
    page.show(
      "lines",
      page.logs.map(({ args }) => args[0]),
    );
  });

  scenario("which logger is used", async (page) => {
    const used = () => {
      const own = page.connect.LogManager.getLogger({ prefix: "Mine" });
      page.attempt("info", () => own.info("text"));
      page.show(
        "logs",
        page.logs
          .splice(0)
          .filter(({ args }) => args[0].includes("text"))
          .map(({ name, args }) => `${name}: ${args[0]}`),
      );
    };
    const customizedLogger = logger(page, "customized");
    const other = logger(page, "logger");
    page.configure({
      loggerConfig: {
        customizedLogger,
        logger: other,
        useDefaultLogger: true,
        advancedLogWriter: "info",
      },
    });
    used();
    page.configure({ loggerConfig: { logger: other, useDefaultLogger: true } });
    used();
    page.configure({ loggerConfig: { logger: "no object" } });
    used();
    page.configure({});
    used();
  });

  scenario("the default logger", { differs: ["L22"] }, async (page) => {
    const console = page.realm.global.console;
    const lines = [];
    for (const name of EVERY) console[name] = (...args) => lines.push(`${name}: ${args.join("|")}`);
    page.configure({ loggerConfig: { useDefaultLogger: true, level: 10 } });
    const own = page.connect.LogManager.getLogger({
      prefix: "Mine",
      logMetaData: { contactId: "c" },
    });
    lines.length = 0;
    for (const name of ["debug", "info", "warn", "error"])
      own[name](name, { a: 1 }, [1, 2], undefined, null, 5);
    own.advancedLog("advanced");
    page.show("lines", lines);
  });

  scenario("a logger of LogManager", (page) => {
    page.configure({
      loggerConfig: {
        customizedLogger: logger(page, "customized"),
        level: 10,
        advancedLogWriter: "warn",
      },
    });
    page.logs.length = 0;
    const own = page.connect.LogManager.getLogger({
      prefix: "Mine",
      logMetaData: { contactId: "c" },
    });
    const circle = { a: 1 };
    circle.self = circle;
    for (const name of ["debug", "info", "warn", "error", "advancedLog"]) {
      page.attempt(name, () => own[name]("text", { b: [1] }, circle, undefined, 5));
    }
    page.show("logs", page.logs);
    page.attempt("without options", () => page.connect.LogManager.getLogger().info("x"));
    page.show("logs", page.logs.at(-1));
  });

  for (const advancedLogWriter of [
    undefined,
    "warn",
    "info",
    "debug",
    "log",
    "error",
    "nonsense",
  ]) {
    const differs = [undefined, "error", "nonsense"].includes(advancedLogWriter) ? ["L22"] : [];
    scenario(`advancedLogWriter ${advancedLogWriter}`, { differs }, (page) => {
      page.configure({ loggerConfig: { useDefaultLogger: true, level: 40, advancedLogWriter } });
      page.configure({
        loggerConfig: {
          customizedLogger: logger(page, "customized"),
          level: 40,
          advancedLogWriter,
        },
      });
      page.logs.length = 0;
      page.connect.LogManager.getLogger({}).advancedLog("text");
      page.show("logs", page.logs);
    });
  }

  scenario("customizedLogger lacks a method", { differs: ["L22"] }, (page) => {
    page.configure({
      loggerConfig: { customizedLogger: logger(page, "customized", ["info"]), level: 10 },
    });
    const own = page.connect.LogManager.getLogger({});
    page.attempt("info", () => own.info("text"));
    page.attempt("error", () => own.error("text"));
  });

  scenario("the form of a JSON list stays once a logger was given", (page) => {
    page.configure({ loggerConfig: { logger: logger(page, "logger"), level: 40 } });
    page.configure({ loggerConfig: { useDefaultLogger: true, level: 40 } });
    page.connect.LogManager.getLogger({ prefix: "P" }).error("text", { a: 1 });
  });

  scenario("ChatSession.Logger is a class to extend", (page) => {
    class Mine extends page.ChatSession.Logger {}
    const own = new Mine();
    for (const name of ["debug", "info", "warn", "error", "advancedLog"])
      page.attempt(name, () => own[name]("text"));
  });

  scenario("updateLoggerConfig of LogManager", (page) => {
    page.attempt("updateLoggerConfig", () =>
      page.connect.LogManager.updateLoggerConfig({ logger: logger(page, "logger"), level: 30 }),
    );
    const own = page.connect.LogManager.getLogger({});
    own.info("no");
    own.warn("yes");
    page.show("logs", page.logs);
    page.show("LogLevel", page.connect.LogManager.isLevelEnabled?.(30));
  });

  for (const type of ["CUSTOMER", "AGENT"]) {
    scenario(
      `metrics of a session of type ${type}`,
      { differs: type === "CUSTOMER" ? ["L23"] : [], page: { prepare: elements } },
      async (page) => {
        const chatDetails = {
          contactId: "c",
          participantId: "p",
          participantToken: "t",
          getConnectionToken: async () => ({}),
        };
        page.attempt("create", () => typeof page.ChatSession.create({ type, chatDetails }));
        await page.pass(60_000);
      },
    );
  }

  scenario("csmService's methods can be called", (page) => {
    const { csmService } = page.connect;
    const calls = {
      loadCsmScriptAndExecute: [],
      initializeCSM: [],
      updateCsmConfig: [{ widgetType: "w" }],
      addCountMetric: ["name", "API"],
      addLatencyMetric: ["name", 1, "API"],
      addLatencyMetricWithStartTime: ["name", 1, "API"],
      addCountAndErrorMetric: ["name", "API", false],
      addAgentCountMetric: ["name", 1],
    };
    for (const [name, args] of Object.entries(calls)) page.show(name, typeof csmService[name]);
    for (const [name, args] of Object.entries(calls))
      if (/^add/.test(name)) page.attempt(name, () => csmService[name](...args));
  });
}

/** The names of the levels from this one on. */
function allowed(level) {
  const names = { 10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "ADVANCED_LOG" };
  return Object.keys(names)
    .filter((number) => number >= (level || 20))
    .map((number) => names[number]);
}

/** A document that elements can be added to. */
function elements(global, page) {
  const node = (name) => ({
    name,
    appendChild: (child) => page.sent(`a ${child.name} is added to ${name}`),
  });
  Object.assign(global.document, {
    createElement: (name) => node(name),
    createTextNode: (text) => ({ name: `text of ${text.length > 0 ? "some" : "no"} length` }),
    head: node("head"),
    body: node("body"),
    getElementsByTagName: (name) => [node(name)],
  });
}
