// What a page gives a library, as far as both libraries need it: globals, a service that answers at
// once, and a socket that the benchmark speaks through.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);

/** The two scripts that are compared. */
export const SCRIPTS = {
  chatloom: fileURLToPath(new URL("../dist/amazon-connect-chat.js", import.meta.url)),
  chatjs: require.resolve("amazon-connect-chatjs/dist/amazon-connect-chat.js"),
};

export const CONTACT = "11111111-2222-4333-8444-555555555555";
const PARTICIPANT = "66666666-7777-4888-9999-000000000000";

/** The source of a script, with a mark that keeps one run's compilation from serving the next. */
export function source(library) {
  return readFileSync(SCRIPTS[library], "utf8");
}

/** A socket that answers control frames itself. */
export class Socket {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;
  static last;

  readyState = Socket.CONNECTING;
  bufferedAmount = 0;
  #listeners = { open: [], message: [], close: [], error: [] };

  constructor(url) {
    this.url = url;
    Socket.last = this;
    setImmediate(() => {
      this.readyState = Socket.OPEN;
      this.#emit("open", {});
    });
  }

  addEventListener(type, listener) {
    this.#listeners[type].push(listener);
  }

  removeEventListener(type, listener) {
    this.#listeners[type] = this.#listeners[type].filter((other) => other !== listener);
  }

  send(text) {
    const { topic, content } = JSON.parse(text);
    const answer =
      topic === "aws/subscribe"
        ? { topic, content: { status: "success", topics: content.topics } }
        : topic === "aws/ping"
          ? { topic, statusCode: 200, statusContent: "OK" }
          : { topic };
    setImmediate(() => this.receive(JSON.stringify(answer)));
  }

  close(code = 1000) {
    this.readyState = Socket.CLOSED;
    setImmediate(() => this.#emit("close", { code, reason: "", wasClean: true }));
  }

  /** Delivers a frame to the library. */
  receive(data) {
    this.#emit("message", { data });
  }

  #emit(type, event) {
    event.type = type;
    event.target = this;
    this[`on${type}`]?.(event);
    for (const listener of this.#listeners[type]) listener.call(this, event);
  }
}

/** Answers a request of the Participant Service. */
async function answer(input) {
  const url = typeof input === "string" ? input : input.url;
  const in24h = new Date(Date.now() + 86_400_000).toISOString();
  const body = url.endsWith("/participant/connection")
    ? {
        Websocket: { Url: "wss://socket.test/?token=x", ConnectionExpiry: in24h },
        ConnectionCredentials: { ConnectionToken: "connection-token", Expiry: in24h },
      }
    : { Id: "00000000-1111-4222-8333-444444444444", AbsoluteTime: "2026-01-01T00:00:00.000Z" };
  return new Response(JSON.stringify(body), { status: 200, headers: { "content-type": "application/json" } });
}

/** Makes `target`, a global object of Node or of a new context, look like a page's. */
export function furnish(target) {
  const globals = {
    window: target,
    self: target,
    fetch: answer,
    WebSocket: Socket,
    navigator: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36", onLine: true },
    location: { protocol: "https:", hostname: "page.test", href: "https://page.test/" },
    document: { addEventListener() {}, removeEventListener() {}, visibilityState: "visible" },
    addEventListener() {},
    removeEventListener() {},
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
}

/** A session as a page makes it. */
export function createSession(connect) {
  return connect.ChatSession.create({
    chatDetails: { contactId: CONTACT, participantId: PARTICIPANT, participantToken: "participant-token" },
    type: "CUSTOMER",
    disableCSM: true,
  });
}
