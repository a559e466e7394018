/** A Participant Service and its sockets, in this process, that does what a test tells it. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { WebSocket, WebSocketServer } from "ws";

import { ChatSession } from "../src/index";

export const TYPING = "application/vnd.amazonaws.connect.event.typing";
export const ENDED = "application/vnd.amazonaws.connect.event.chat.ended";

/** A request that arrived. */
export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

/** An answer to give instead of the usual one; `null` cuts the connection. */
export type Answer = { status: number; headers?: Record<string, string>; body: unknown } | null;

/** The chat of one test. */
export interface Chat {
  contactId: string;
  participantId: string;
  participantToken: string;
}

let chats = 0;

/** A chat that no other test has. */
export function newChat(): Chat {
  chats++;
  return { contactId: `contact-${chats}`, participantId: `me-${chats}`, participantToken: `token-${chats}` };
}

export class Service {
  readonly requests: Received[] = [];
  readonly sockets: WebSocket[] = [];
  /** Frames that arrived, by topic. */
  readonly frames: string[] = [];
  endpoint = "";
  /** What a transcript holds, the oldest first, when it is not the usual; in pages of 100. */
  stored: Record<string, unknown>[] | undefined;
  /** Answers to give first, by path. */
  readonly #answers = new Map<string, Answer[]>();
  readonly #http: Server;
  readonly #ws = new WebSocketServer({ noServer: true });
  /** Paths whose requests wait, and what waits there. */
  readonly #held = new Map<string, (() => void)[]>();
  readonly #watchers = new Set<() => void>();
  #items = 0;

  private constructor() {
    this.#http = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const path = request.url ?? "";
        const body = JSON.parse(Buffer.concat(chunks).toString() || "{}") as Record<string, unknown>;
        this.requests.push({ method: request.method ?? "", path, headers: request.headers, body });
        const answer = this.#answers.get(path)?.shift();
        this.#changed();
        if (answer === null) {
          request.socket.destroy();
          return;
        }
        const { status, headers, body: text } = answer ?? { status: 200, body: this.#usual(path, body) };
        const respond = () => {
          const usual = { "content-type": "application/json", "x-amzn-RequestId": "request-1" };
          response.writeHead(status, { ...usual, ...headers });
          response.end(typeof text === "string" ? text : JSON.stringify(text));
        };
        const held = this.#held.get(path);
        if (held) held.push(respond);
        else respond();
      });
    });
    this.#http.on("upgrade", (request, socket, head) => {
      this.#ws.handleUpgrade(request, socket, head, (opened) => {
        this.sockets.push(opened);
        opened.on("message", (data: Buffer) => this.#frame(opened, data.toString()));
        opened.on("close", () => this.#changed());
        this.#changed();
      });
    });
  }

  static async start(): Promise<Service> {
    const service = new Service();
    await new Promise<void>((resolve) => service.#http.listen(0, "127.0.0.1", resolve));
    service.endpoint = `http://127.0.0.1:${(service.#http.address() as AddressInfo).port}`;
    return service;
  }

  async stop(): Promise<void> {
    for (const socket of this.#ws.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Gives this answer to the next request of this path that has none yet. */
  answer(path: string, answer: Answer): void {
    this.#answers.set(path, [...(this.#answers.get(path) ?? []), answer]);
  }

  /** Answers nobody who asks for this path; gives a function that answers them all. */
  hold(path: string): () => void {
    const held: (() => void)[] = [];
    this.#held.set(path, held);
    return () => {
      this.#held.delete(path);
      for (const respond of held) respond();
    };
  }

  /** Requests of a path. */
  of(path: string): Received[] {
    return this.requests.filter((request) => request.path === path);
  }

  /** Waits until something holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        const watcher = () => {
          this.#watchers.delete(watcher);
          resolve();
        };
        this.#watchers.add(watcher);
      });
    }
  }

  /** Sends a frame over the newest socket. */
  send(frame: string): void {
    this.sockets.at(-1)?.send(frame);
  }

  /** Sends an item of a chat, and gives it. */
  push(chat: Chat, members: Record<string, unknown> = {}): Record<string, unknown> {
    const item = this.item(chat, members);
    this.stored?.push(item);
    const frame = { topic: "aws/chat", contentType: "application/json", content: JSON.stringify(item) };
    this.send(JSON.stringify(frame));
    return item;
  }

  /** An item of a chat. */
  item(chat: Chat, members: Record<string, unknown> = {}): Record<string, unknown> {
    return {
      AbsoluteTime: new Date(1_767_225_600_000 + ++this.#items).toISOString(),
      Content: `message ${this.#items}`,
      ContentType: "text/plain",
      Id: `item-${this.#items}`,
      Type: "MESSAGE",
      ParticipantId: "agent-1",
      DisplayName: "Ana",
      ParticipantRole: "AGENT",
      InitialContactId: chat.contactId,
      ContactId: chat.contactId,
      ...members,
    };
  }

  #usual(path: string, { NextToken }: Record<string, unknown>): unknown {
    const soon = new Date(Date.now() + 100_000).toISOString();
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    switch (path) {
      case "/participant/connection":
        return {
          Websocket: { Url: `${this.endpoint.replace("http", "ws")}/socket?secret`, ConnectionExpiry: soon },
          ConnectionCredentials: { ConnectionToken: "connection-token", Expiry: tomorrow },
        };
      case "/participant/transcript":
        if (this.stored) {
          const end = NextToken ? Number(NextToken) : this.stored.length;
          const start = Math.max(end - 100, 0);
          return {
            InitialContactId: "c",
            Transcript: this.stored.slice(start, end),
            ...(start > 0 ? { NextToken: String(start) } : {}),
          };
        }
        return { InitialContactId: "c", Transcript: [{ Id: "i-1", Extra: 1.5 }], NextToken: "next" };
      case "/participant/disconnect":
        return {};
      default:
        return { Id: `sent-${this.of(path).length}`, AbsoluteTime: "2026-01-01T00:00:00.000Z" };
    }
  }

  #frame(socket: WebSocket, text: string): void {
    const { topic, content } = JSON.parse(text) as { topic: string; content?: { topics: string[] } };
    this.frames.push(topic);
    if (topic === "aws/subscribe") {
      socket.send(JSON.stringify({ topic, content: { status: "success", topics: content?.topics } }));
    } else if (topic === "aws/ping") {
      socket.send(JSON.stringify({ topic, statusCode: 200, statusContent: "OK" }));
    } else {
      socket.send(JSON.stringify({ topic }));
    }
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** Node 20 has no `WebSocket` of its own. */
export function installWebSocket(): void {
  (globalThis as { WebSocket: unknown }).WebSocket = WebSocket;
}

/** A session that is not connected yet. */
export function createSession(service: Service, chat: Chat = newChat()) {
  ChatSession.setGlobalConfig({ endpoint: service.endpoint });
  return { chat, session: ChatSession.create({ chatDetails: chat, type: "CUSTOMER" }) };
}

/** A session that is connected; its socket may still be opening. */
export async function connectedSession(service: Service) {
  const created = createSession(service);
  await created.session.connect();
  return created;
}

/** What the service says of each answer, in a result. */
export const ANSWER = { $metadata: { httpStatusCode: 200, requestId: "request-1", attempts: 1, totalRetryDelay: 0 } };

/** A session whose socket is open and subscribed. */
export async function connectSession(service: Service, chat?: Chat) {
  const created = createSession(service, chat);
  const subscribed = service.frames.filter((topic) => topic === "aws/subscribe").length + 1;
  const established = new Promise((resolve) => {
    created.session.onConnectionEstablished((event) => "data" in (event as object) && resolve(undefined));
  });
  await created.session.connect();
  await service.until(() => service.frames.filter((topic) => topic === "aws/subscribe").length >= subscribed);
  await established;
  return created;
}

/** The next so many events of a callback: what it was given each time. */
export function next(subscribe: (callback: (...args: unknown[]) => void) => unknown, count = 1): Promise<unknown[][]> {
  return new Promise((resolve) => {
    const events: unknown[][] = [];
    subscribe((...args) => {
      events.push(args);
      if (events.length === count) resolve(events);
    });
  });
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("the promise did not reject");
}
