// Pages in Chromium: a renderer process each. Spoken to directly over the DevTools protocol, because
// a driver that watches the network would be told of every frame, which costs more than the frame.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const PAGE = readFileSync(new URL("page.js", import.meta.url), "utf8");

const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-extensions",
  "--disable-dev-shm-usage",
  // Pages in the background are measured too.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--remote-debugging-pipe",
];

export class ChromiumPages {
  name = "Chromium";
  version;
  #process;
  #folder;
  #pipe;
  #url;

  /** Starts a browser; `url` is the page that is opened. */
  static async start(program, url) {
    const pages = new ChromiumPages();
    pages.#url = url;
    pages.#folder = mkdtempSync(path.join(tmpdir(), "chatloom-bench-"));
    pages.#process = spawn(program, [...ARGS, `--user-data-dir=${pages.#folder}`], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    pages.#pipe = new Pipe(pages.#process);
    const { product } = await pages.#pipe.send("Browser.getVersion");
    pages.version = product.replace(/^.*\//, "");
    return pages;
  }

  async open() {
    const { browserContextId } = await this.#pipe.send("Target.createBrowserContext");
    const { targetId } = await this.#pipe.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.#pipe.send("Target.attachToTarget", { targetId, flatten: true });
    await this.#pipe.send("Performance.enable", {}, sessionId);
    await this.#pipe.send("Page.enable", {}, sessionId);
    const loaded = this.#pipe.event("Page.loadEventFired", sessionId);
    await this.#pipe.send("Page.navigate", { url: this.#url }, sessionId);
    await loaded;
    const page = new ChromiumPage(this.#pipe, sessionId, browserContextId);
    await page.evaluate(`${PAGE};0`);
    if (!(await page.evaluate("crossOriginIsolated"))) throw new Error("the page has no exact clock");
    return page;
  }

  async close() {
    const gone = once(this.#process, "exit");
    await this.#pipe.send("Browser.close");
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class ChromiumPage {
  #pipe;
  #session;
  #context;

  constructor(pipe, session, context) {
    this.#pipe = pipe;
    this.#session = session;
    this.#context = context;
  }

  async evaluate(expression) {
    const { result, exceptionDetails: thrown } = await this.#pipe.send(
      "Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true },
      this.#session,
    );
    if (thrown) throw new Error(`in the page: ${thrown.exception?.description ?? JSON.stringify(thrown)}`);
    return result.value;
  }

  call(name, ...args) {
    return this.evaluate(`bench.${name}(${args.map((value) => JSON.stringify(value)).join()})`);
  }

  /** Microseconds of CPU of the page's renderer so far. */
  async cpu() {
    const { metrics } = await this.#pipe.send("Performance.getMetrics", {}, this.#session);
    return metrics.find(({ name }) => name === "ProcessTime").value * 1e6;
  }

  /** Bytes that are kept, what wasm uses included. */
  async heap() {
    for (let round = 0; round < 2; round++) {
      await this.evaluate("new Promise(resolve => setTimeout(resolve, 20))");
      await this.#pipe.send("HeapProfiler.collectGarbage", {}, this.#session);
    }
    const { usedSize, backingStorageSize } = await this.#pipe.send("Runtime.getHeapUsage", {}, this.#session);
    return usedSize + backingStorageSize + (await this.call("wasm"));
  }

  async close() {
    await this.#pipe.send("Target.disposeBrowserContext", { browserContextId: this.#context });
  }
}

/** The DevTools protocol over pipes: JSON texts with a zero byte after each. */
class Pipe {
  #out;
  #waiting = new Map();
  #events = new Map();
  #last = 0;
  #rest = "";

  constructor(browser) {
    this.#out = browser.stdio[3];
    this.#out.on("error", () => {}); // the browser has gone, which is told below
    browser.stdio[4].setEncoding("utf8").on("data", (text) => this.#take(text));
    browser.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Chromium has ended"));
    });
  }

  send(method, params = {}, sessionId) {
    const id = ++this.#last;
    this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  /** Waits for the next event of this kind. */
  event(method, sessionId) {
    return new Promise((resolve) => this.#events.set(`${sessionId} ${method}`, resolve));
  }

  #take(text) {
    const parts = (this.#rest + text).split("\0");
    this.#rest = parts.pop();
    for (const part of parts) {
      const { id, result, error, method, sessionId } = JSON.parse(part);
      if (id === undefined) {
        this.#events.get(`${sessionId} ${method}`)?.();
        continue;
      }
      const waiting = this.#waiting.get(id);
      if (!waiting) continue;
      this.#waiting.delete(id);
      if (error) waiting.reject(new Error(`${waiting.method}: ${error.message}`));
      else waiting.resolve(result);
    }
  }
}
