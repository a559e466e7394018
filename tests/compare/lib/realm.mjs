// A page for one run: a fresh global object with a page's members, on a clock that stands still.
import vm from "node:vm";

import { NEVER, UNREACHABLE } from "./service.mjs";

export const DESKTOP =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
export const MOBILE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148";

/** What a page has that is the same as here. */
const SAME = [
  "TextEncoder",
  "TextDecoder",
  "URL",
  "URLSearchParams",
  "Blob",
  "File",
  "AbortController",
  "AbortSignal",
];
const ALSO_SAME = [
  "atob",
  "btoa",
  "structuredClone",
  "queueMicrotask",
  "ReadableStream",
  "Headers",
  "Event",
  "EventTarget",
];

/** What the realm itself has to make, since its own classes are concerned. */
const IN_REALM = new vm.Script(`({ wall, random }) => {
  const RealDate = Date;
  globalThis.Date = class Date extends RealDate {
    constructor(...args) { args.length === 0 ? super(wall()) : super(...args); }
    static now() { return wall(); }
  };
  Math.random = random;
  return {
    error: (name, message) => new globalThis[name](message),
    array: (bytes) => new Uint8Array(bytes),
    buffer: (bytes) => new Uint8Array(bytes).buffer,
    promise: (begin) => new Promise(begin),
  };
}`);

export class Realm {
  #clock;
  #service;
  #record;
  #sent;
  #mark;
  #writer;
  #listeners = new Map();
  #random;
  #make;
  /** Whether the reasons of closed sockets are written down. */
  #showReasons;
  global;
  onLine = true;
  visibility = "visible";

  constructor({
    clock,
    service,
    record,
    sent,
    mark,
    writer,
    userAgent = DESKTOP,
    without = [],
    showReasons = false,
  }) {
    this.#clock = clock;
    this.#service = service;
    this.#record = record;
    this.#sent = sent;
    this.#mark = mark;
    this.#writer = writer;
    this.#showReasons = showReasons;
    this.#random = randomNumbers();
    const global = this.#members(userAgent);
    for (const name of without) delete global[name];
    vm.createContext(global);
    this.global = global;
    const wall = () => clock.wall();
    this.#make = IN_REALM.runInContext(global)({ wall, random: () => this.#random() / 2 ** 32 });
    writer.name(global, "window");
  }

  run(script) {
    return script.runInContext(this.global);
  }

  /** An error of the page's own class. */
  error(name, message) {
    return this.#make.error(name, message);
  }

  setOnLine(on) {
    this.onLine = on;
    this.#mark(on ? "the network is there" : "the network is gone");
    this.#dispatch("window", on ? "online" : "offline");
  }

  setVisible(visible) {
    this.visibility = visible ? "visible" : "hidden";
    this.#mark(`the page is ${this.visibility}`);
    this.#dispatch("document", "visibilitychange");
  }

  #dispatch(target, type) {
    for (const listener of [...(this.#listeners.get(`${target} ${type}`) ?? [])])
      listener({ type });
  }

  #listen(target) {
    const key = (type) => `${target} ${type}`;
    return {
      addEventListener: (type, listener, { signal } = {}) => {
        const run =
          typeof listener === "function" ? listener : (event) => listener.handleEvent(event);
        run.of = listener;
        this.#listeners.set(key(type), [...(this.#listeners.get(key(type)) ?? []), run]);
        signal?.addEventListener("abort", () => this.#unlisten(key(type), listener));
      },
      removeEventListener: (type, listener) => this.#unlisten(key(type), listener),
    };
  }

  #unlisten(key, listener) {
    const kept = (this.#listeners.get(key) ?? []).filter((run) => run.of !== listener);
    this.#listeners.set(key, kept);
  }

  #members(userAgent) {
    const realm = this;
    const clock = this.#clock;
    const global = {};
    for (const name of [...SAME, ...ALSO_SAME]) global[name] = globalThis[name];
    const page = {
      window: global,
      self: global,
      ...this.#listen("window"),
      location: {
        protocol: "https:",
        hostname: "page.test",
        href: "https://page.test/",
        origin: "https://page.test",
      },
      navigator: {
        userAgent,
        get onLine() {
          return realm.onLine;
        },
      },
      document: {
        ...this.#listen("document"),
        get visibilityState() {
          return realm.visibility;
        },
        get hidden() {
          return realm.visibility === "hidden";
        },
        currentScript: null,
      },
      console: this.#console(),
      performance: { now: () => clock.now, timeOrigin: clock.wall() - clock.now },
      crypto: { getRandomValues: (array) => this.#fill(array) },
      setTimeout: (run, delay, ...args) => clock.after(delay, () => this.#task(run, args)),
      clearTimeout: (id) => clock.stop(id),
      setInterval: (run, delay, ...args) => clock.every(delay, () => this.#task(run, args)),
      clearInterval: (id) => clock.stop(id),
      MessageChannel: this.#messageChannel(),
      Request: PageRequest,
      Response: PageResponse,
      fetch: (input, init) => this.#fetch(new PageRequest(input, init)),
      WebSocket: this.#webSocket(),
    };
    return Object.assign(global, page);
  }

  /** What a task throws is reported by a browser, and ends nothing. */
  #task(run, args) {
    try {
      run(...args);
    } catch (error) {
      this.#record(`uncaught ${this.#writer.value(error)}`);
    }
  }

  #console() {
    const methods = ["debug", "info", "log", "warn", "error", "trace"];
    const write =
      (name) =>
      (...args) =>
        this.#record(`console.${name}(${args.map((arg) => this.#writer.value(arg)).join(", ")})`);
    return Object.fromEntries(methods.map((name) => [name, write(name)]));
  }

  #fill(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random() >>> 24;
    return array;
  }

  #messageChannel() {
    const clock = this.#clock;
    const task = (run, args) => this.#task(run, args);
    return class MessageChannel {
      port1 = { onmessage: null };
      port2 = {
        postMessage: (data) => {
          clock.after(0, () => this.port1.onmessage && task(this.port1.onmessage, [{ data }]));
        },
      };
    };
  }

  #fetch(request) {
    const { method, url, body, signal } = request;
    this.#sent(`${method} ${url}${this.#headers(request.headers)} ${bodyText(this.#writer, body)}`);
    const { after, given } = this.#service.request(request);
    return this.#make.promise((resolve, reject) => {
      const abort = () => {
        this.#sent(`${method} ${url} is given up`);
        reject(signal.reason ?? this.error("Error", "aborted"));
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort);
      if (given === NEVER) return;
      this.#clock.after(after, () => {
        if (signal?.aborted) return;
        signal?.removeEventListener("abort", abort);
        if (given === UNREACHABLE) return reject(this.error("TypeError", "Failed to fetch"));
        resolve(new PageResponse(given, this.#make));
      });
    });
  }

  /** Who asks, and in what form: not the signature, the date, and what is said of the browser. */
  #headers(headers) {
    const written = [...headers]
      .filter(
        ([name]) =>
          !/^(authorization|x-amz-content-sha256|x-amz-date|amz-sdk-.*|content-length|host)$/.test(
            name,
          ),
      )
      .map(([name, value]) => {
        return `${name}: ${name === "x-amz-user-agent" ? (/AmazonConnect.*$/.exec(value)?.[0] ?? value) : value}`;
      });
    return written.length === 0 ? "" : ` {${written.sort().join(", ")}}`;
  }

  #webSocket() {
    const clock = this.#clock;
    const service = this.#service;
    const sent = this.#sent;
    const task = (run, args) => this.#task(run, args);
    const error = (name, message) => this.error(name, message);
    const showReasons = this.#showReasons;
    let sockets = 0;
    return class WebSocket {
      static CONNECTING = 0;
      static OPEN = 1;
      static CLOSING = 2;
      static CLOSED = 3;
      CONNECTING = 0;
      OPEN = 1;
      CLOSING = 2;
      CLOSED = 3;
      readyState = 0;
      bufferedAmount = 0;
      #number = ++sockets;
      #listeners = [];

      constructor(url, ...more) {
        if (!/^wss?:/.test(url)) throw error("SyntaxError", `the URL '${url}' is not valid`);
        this.url = url;
        sent(`socket ${this.#number} is made for ${[url, ...more].join(" ")}`);
        service.connect(this);
      }

      addEventListener(type, listener) {
        this.#listeners.push({ type, listener });
      }

      removeEventListener(type, listener) {
        this.#listeners = this.#listeners.filter(
          (entry) => entry.type !== type || entry.listener !== listener,
        );
      }

      send(text) {
        if (this.readyState === 0) throw error("Error", "Still in CONNECTING state");
        if (this.readyState !== 1) return;
        sent(`socket ${this.#number} sends ${text}`);
        service.frame(this, text);
      }

      close(code, reason) {
        if (this.readyState >= 2) return;
        sent(`socket ${this.#number} is closed with ${code}${showReasons ? ` ${reason}` : ""}`);
        const wasOpen = this.readyState === 1;
        this.readyState = 2;
        clock.after(service.latencyMs, () => {
          if (!wasOpen) this.#emit({ type: "error" });
          this.#closed(wasOpen ? code : 1006, wasOpen ? reason : "", wasOpen);
        });
      }

      // What the service does.

      opened() {
        this.readyState = 1;
        this.#emit({ type: "open" });
      }

      receive(data) {
        if (this.readyState === 1) this.#emit({ type: "message", data });
      }

      fail() {
        this.readyState = 3;
        this.#emit({ type: "error" });
        this.#emit({ type: "close", code: 1006, reason: "", wasClean: false });
      }

      dropped(code, reason) {
        if (code === 1006) this.#emit({ type: "error" });
        this.#closed(code, reason, code !== 1006);
      }

      #closed(code = 1005, reason = "", wasClean = true) {
        if (this.readyState === 3) return;
        this.readyState = 3;
        this.#emit({ type: "close", code, reason, wasClean });
      }

      #emit(event) {
        Object.assign(event, { target: this, currentTarget: this });
        const handler = this[`on${event.type}`];
        if (handler) task((given) => handler.call(this, given), [event]);
        for (const { type, listener } of [...this.#listeners])
          if (type === event.type) task(listener, [event]);
      }
    };
  }
}

class PageRequest {
  constructor(input, init = {}) {
    const from = typeof input === "object" && "url" in input ? input : { url: String(input) };
    this.url = from.url;
    this.method = init.method ?? from.method ?? "GET";
    this.headers = new Map([...(from.headers ?? []), ...entriesOf(init.headers)]);
    this.body = init.body ?? from.body ?? undefined;
    this.signal = init.signal ?? from.signal ?? undefined;
  }
}

function entriesOf(headers) {
  const entries =
    typeof headers?.entries === "function" ? [...headers.entries()] : Object.entries(headers ?? {});
  return entries.map(([name, value]) => [name.toLowerCase(), String(value)]);
}

class PageResponse {
  #text;
  #make;

  constructor({ status, headers = {}, body }, make) {
    this.#make = make;
    this.#text = typeof body === "string" ? body : JSON.stringify(body);
    this.status = status;
    this.ok = status >= 200 && status < 300;
    this.statusText = "";
    this.headers = new globalThis.Headers({
      "content-type": "application/json",
      "x-amzn-RequestId": "request-id",
      ...headers,
    });
    const chunks = this.#text === "" ? [] : [this.#bytes()];
    this.body = {
      getReader: () => ({
        read: async () =>
          chunks.length > 0
            ? { done: false, value: chunks.shift() }
            : { done: true, value: undefined },
        cancel: async () => undefined,
        releaseLock: () => undefined,
      }),
      cancel: async () => undefined,
    };
  }

  #bytes() {
    return this.#make.array([...new TextEncoder().encode(this.#text)]);
  }

  async text() {
    return this.#text;
  }

  async json() {
    return JSON.parse(this.#text);
  }

  async arrayBuffer() {
    return this.#make.buffer([...new TextEncoder().encode(this.#text)]);
  }

  async blob() {
    return new Blob([this.#text], { type: this.headers.get("content-type") ?? "" });
  }
}

/** A body as text: JSON with its members sorted, a file by its kind. */
function bodyText(writer, body) {
  if (body === undefined || body === null || body === "") return "without a body";
  if (typeof body !== "string" && !ArrayBuffer.isView(body)) return writer.value(body);
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  try {
    return writer.value(JSON.parse(text));
  } catch {
    return writer.value(text);
  }
}

/** The same numbers in every run. */
function randomNumbers() {
  let state = 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return (value ^ (value >>> 14)) >>> 0;
  };
}
