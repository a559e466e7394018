// The Participant Service, its storage and its sockets, as far as a scenario tells them otherwise.

import { START } from "./clock.mjs";

/** What a page uses to leave `fetch` without an answer. */
export const NEVER = Symbol("never");
/** What makes `fetch` reject. */
export const UNREACHABLE = Symbol("unreachable");

const LATENCY_MS = 10;
const HOUR_MS = 3_600_000;

const PATHS = {
  connection: "/participant/connection",
  message: "/participant/message",
  event: "/participant/event",
  transcript: "/participant/transcript",
  disconnect: "/participant/disconnect",
  startUpload: "/participant/start-attachment-upload",
  completeUpload: "/participant/complete-attachment-upload",
  attachment: "/participant/attachment",
  authenticationUrl: "/participant/authentication-url",
  cancelAuthentication: "/participant/cancel-authentication",
};

/** An error as the service writes it. */
export function refusal(status, name, message = `the service says ${name}`) {
  return { status, headers: { "x-amzn-ErrorType": name }, body: { Message: message } };
}

export const FORBIDDEN = refusal(403, "AccessDeniedException", "Access denied");
export const THROTTLED = refusal(429, "ThrottlingException", "Too many requests");
export const INTERNAL = refusal(500, "InternalServerException", "Something is broken");

const time = (seconds) => new Date(START + 1000 * seconds).toISOString();

export class Service {
  /** Answers to give instead of the usual ones, by the name of an operation. */
  #answers = new Map();
  /** How many requests each operation has had. */
  #counts = new Map();
  #clock;
  #record;
  #sockets = [];
  #subscribed = new WeakSet();
  /** What the next sockets meet: "open" (also when there is nothing), "refuse" or "hang". */
  handshakes = [];
  /** How control frames are answered: "success", "failure" or "silence". */
  control = { subscribe: "success", ping: "success", heartbeat: "success" };
  /** What GetTranscript gives: a page for each call, the last for all further ones. */
  transcript = [{ Transcript: [] }];
  connectionLifeMs = 24 * HOUR_MS;
  latencyMs = LATENCY_MS;

  constructor(clock, record) {
    this.#clock = clock;
    this.#record = record;
  }

  /** The next requests of an operation get these answers, one each. */
  answer(operation, ...answers) {
    this.#answers.set(operation, [...(this.#answers.get(operation) ?? []), ...answers]);
  }

  /** All requests of an operation from now on get this answer; `undefined` means the usual one. */
  always(operation, answer) {
    this.#answers.set(operation, answer === undefined ? [] : { always: answer });
  }

  count(operation) {
    return this.#counts.get(operation) ?? 0;
  }

  /** The socket that was made last. */
  get socket() {
    return this.#sockets.at(-1);
  }

  get sockets() {
    return this.#sockets;
  }

  get openSockets() {
    return this.#sockets.filter((socket) => socket.readyState === 1);
  }

  /** Gives what `fetch` gives: `{status, headers, body}`, NEVER or UNREACHABLE, and when. */
  request({ method, url, body }) {
    const { origin, pathname } = new URL(url);
    const operation = operationOf(method, origin, pathname);
    const count = this.count(operation) + 1;
    this.#counts.set(operation, count);
    const planned = this.#answers.get(operation);
    const answer = Array.isArray(planned) ? planned.shift() : planned?.always;
    const usual = answer === undefined || answer.members !== undefined;
    const found = usual ? this.#usual(operation, count, body, answer?.members) : answer;
    const given = typeof found === "function" ? found(body) : found;
    return { after: given.afterMs ?? this.latencyMs, given };
  }

  #usual(operation, count, body, members) {
    const usual = this.#body(operation, count, body);
    if (operation === "upload") return { status: 200, body: "" };
    if (operation === "download") return { status: 200, body: "the content of the file" };
    return { status: 200, body: { ...usual, ...members } };
  }

  #body(operation, count) {
    // Retries come at random moments, which must not show.
    const now = this.#clock.wall() - (this.#clock.wall() % 10_000);
    const in100s = new Date(now + 100_000).toISOString();
    const later = new Date(now + this.connectionLifeMs).toISOString();
    switch (operation) {
      case "connection":
        return {
          Websocket: {
            Url: `wss://sockets.test/socket-${count}?signature=s`,
            ConnectionExpiry: in100s,
          },
          ConnectionCredentials: { ConnectionToken: `connection-token-${count}`, Expiry: later },
        };
      case "transcript": {
        const page = this.transcript.length > 1 ? this.transcript.shift() : this.transcript[0];
        return { InitialContactId: "contact", ...page };
      }
      case "message":
      case "event":
        return { Id: `sent-${operation}-${count}`, AbsoluteTime: time(count) };
      case "startUpload":
        return {
          AttachmentId: `attachment-${count}`,
          UploadMetadata: {
            Url: `https://storage.test/upload/${count}?signature=s`,
            UrlExpiry: in100s,
            HeadersToInclude: { "x-amz-acl": "private", "Content-Type": "text/plain" },
          },
        };
      case "attachment":
        return { Url: `https://storage.test/download/${count}?signature=s`, UrlExpiry: in100s };
      case "view":
        return {
          View: {
            Id: "view",
            Arn: "arn",
            Name: "A view",
            Type: "CUSTOMER",
            Version: 1,
            Content: { Template: "{}" },
          },
        };
      case "authenticationUrl":
        return { AuthenticationUrl: "https://login.test/authorize?state=1" };
      default:
        return {};
    }
  }

  /** A page made a socket. */
  connect(socket) {
    this.#sockets.push(socket);
    const handshake = this.handshakes.shift() ?? "open";
    if (handshake === "hang") return;
    this.#clock.after(this.latencyMs, () => {
      if (socket.readyState !== 0) return;
      if (handshake === "refuse") socket.fail();
      else socket.opened();
    });
  }

  /** A frame of a page. */
  frame(socket, text) {
    this.#clock.after(this.latencyMs, () => {
      for (const reply of this.#replies(text)) {
        if (reply.content?.status === "success") this.#subscribed.add(socket);
        socket.receive(JSON.stringify(reply));
      }
    });
  }

  #replies(text) {
    const { topic, content } = JSON.parse(text);
    const kind = { "aws/subscribe": "subscribe", "aws/ping": "ping", "aws/heartbeat": "heartbeat" }[
      topic
    ];
    const how = this.control[kind] ?? "silence";
    if (how === "silence") return [];
    if (kind === "subscribe") return [{ topic, content: { status: how, topics: content.topics } }];
    if (kind === "heartbeat") return [{ topic }];
    return how === "success"
      ? [{ topic, statusCode: 200, statusContent: "OK" }]
      : [{ topic, statusCode: 500, statusContent: "Internal Server Error" }];
  }

  /** Sends a frame over all open sockets; an object is written as JSON. */
  send(frame) {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#record(`service sends ${text.length > 300 ? `${text.slice(0, 300)}...` : text}`);
    for (const socket of this.openSockets) socket.receive(text);
  }

  /** Sends an item of a chat over all sockets that have subscribed. */
  item(item) {
    const content = JSON.stringify(item);
    this.#record(`service sends the item ${item.Id ?? "without an id"}`);
    const frame = JSON.stringify({ topic: "aws/chat", contentType: "application/json", content });
    for (const socket of this.openSockets) {
      if (this.#subscribed.has(socket)) socket.receive(frame);
    }
  }

  /** Ends all sockets from the other side. */
  drop(code = 1006, reason = "") {
    this.#record(`service closes its sockets with ${code}`);
    for (const socket of this.openSockets) socket.dropped(code, reason);
  }
}

function operationOf(method, origin, pathname) {
  if (origin === "https://storage.test") return method === "PUT" ? "upload" : "download";
  if (pathname.startsWith("/participant/views/")) return "view";
  return Object.keys(PATHS).find((name) => pathname.endsWith(PATHS[name])) ?? pathname;
}
