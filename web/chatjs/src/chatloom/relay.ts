/** The one socket that pages in the same chat share, in the page that keeps it. */
import type { EventOutput, SessionOptions } from "../host/core";
import type { Host } from "../host/host";
import type { Listener, Means } from "../host/session";

/** How a page keeps the socket. */
export interface RelayOptions {
  /** Gives a host that nobody else has. */
  makeHost(): Host;
  session: SessionOptions;
  means: Means;
}

/** What is heard of the socket. */
export interface RelayListener {
  /** A socket has subscribed; nobody knows what was published before. */
  gained(): void;
  lost(): void;
  /** There will be no socket, unless `connect` is called again. */
  broken(): void;
  /** The text of an item. */
  item(text: string): void;
  log: Listener["log"];
}

/** As a member: in the text of a message its quotes would not stand alone. */
const END = '"application/vnd.amazonaws.connect.event.chat.ended"';
/** A first connection that failed is tried again after this time. */
const AGAIN_MS = 5_000;

/** A session that keeps a socket alive as the original does, and passes on what comes over it. */
export class Relay implements Listener {
  readonly means: Means;
  readonly log: Listener["log"];
  readonly #options: RelayOptions;
  readonly #told: RelayListener;
  #host: Host;
  #session: number;
  /** The sockets that have subscribed: nothing is known of what others bring. */
  readonly #subscribed = new Set<number>();
  #connecting = false;
  /** The chat is over, or nobody needs the socket any more. */
  #closed = false;
  /** The item that ends the chat has come. */
  #endSeen = false;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RelayOptions, told: RelayListener) {
    this.#options = options;
    this.#told = told;
    this.means = options.means;
    this.log = told.log;
    [this.#host, this.#session] = this.#begin();
    this.connect();
  }

  #begin(): [Host, number] {
    const host = this.#options.makeHost();
    host.onFrame = (frame, socket) => this.#frame(frame, socket);
    return [host, host.create(this.#options.session, this)];
  }

  /** Asks for a connection; for one that is there nothing happens. */
  connect(): void {
    if (this.#connecting || this.#closed) return;
    this.#connecting = true;
    clearTimeout(this.#again);
    if (this.#host.failed) [this.#host, this.#session] = this.#begin();
    const failed = () => {
      this.#told.lost();
      if (!this.#closed) this.#again = setTimeout(() => this.connect(), AGAIN_MS);
    };
    void this.#host
      .call(this.#session, { type: "connect" })
      .then(undefined, failed)
      .finally(() => (this.#connecting = false));
  }

  /** The socket is to prove that it is alive, and a back-off is to end. */
  wake(): void {
    this.#host.wake();
    this.connect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
    this.#host.forget(this.#session);
    this.#host.close();
  }

  #frame(text: string, socket: number): void {
    let topic: unknown, content: unknown;
    try {
      ({ topic, content } = JSON.parse(text) as { topic?: unknown; content?: unknown });
    } catch {
      return;
    }
    if (topic === "aws/chat" && typeof content === "string") {
      if (!this.#subscribed.has(socket)) return;
      this.#endSeen ||= content.includes(END);
      this.#told.item(content);
    } else if (topic === "aws/subscribe" && (content as { status?: unknown } | undefined)?.status === "success") {
      this.#subscribed.add(socket);
      this.#told.gained();
    }
  }

  item(): void {}

  connection(): void {}

  event(event: EventOutput): void {
    if (event.type === "lost") {
      this.#subscribed.clear();
      this.#told.lost();
    }
    if (event.type === "broken") this.#told.broken();
    // The service says that the chat is over. Each page finds that out itself when it looks what it has missed.
    if (event.type !== "ended") return;
    this.#closed = true;
    if (this.#endSeen) return;
    this.#told.lost();
    this.#told.gained();
  }
}
