/** Sockets of the host's own, by the numbers that the core gives them. */
import { beginEvent, endEvent } from "./tasks";
import type { Input } from "./core";

/** What somebody hears of sockets. */
export interface SocketListener {
  tell(input: Input): void;
  /** A frame arrived. */
  received(socket: number, data: unknown): void;
}

export class Sockets {
  readonly #open = new Map<number, WebSocket>();
  readonly #listener: SocketListener;

  constructor(listener: SocketListener) {
    this.#listener = listener;
  }

  open(socket: number, url: string): void {
    const { tell, received } = this.#listener;
    let opened: WebSocket;
    try {
      opened = new WebSocket(url);
    } catch (error) {
      // Not the error's text: that holds the URL, which is secret.
      tell({ type: "closed", socket, code: null, text: `cannot be opened: ${(error as Error).name}` });
      return;
    }
    this.#open.set(socket, opened);
    opened.onopen = () => tell({ type: "opened", socket });
    // One event often has two callbacks: for the item, and for the list with it.
    const isTarget = typeof opened.addEventListener === "function";
    opened.onmessage = (event) => {
      beginEvent(event, isTarget ? 2 : 1);
      try {
        received(socket, event.data);
      } finally {
        endEvent();
      }
    };
    if (isTarget) opened.addEventListener("message", endEvent);
    // A `close` follows each error. Node's sockets end the process when nobody listens.
    opened.onerror = () => undefined;
    opened.onclose = (event) => {
      this.#open.delete(socket);
      // Outside of browsers there may be no reason.
      tell({ type: "closed", socket, code: event.code, text: event.reason ?? "" });
    };
  }

  send(socket: number, text: string): void {
    try {
      this.#open.get(socket)?.send(text);
    } catch {
      // It is not open, and its `close` event says so.
    }
  }

  close(socket: number, code: number, reason: string): void {
    const closed = this.#open.get(socket);
    if (!closed) return;
    this.#open.delete(socket);
    closed.onopen = closed.onmessage = closed.onclose = null;
    // A page may only give these codes.
    if (code === 1000 || code >= 3000) closed.close(code, reason);
    else closed.close();
  }

  closeAll(): void {
    for (const socket of [...this.#open.keys()]) this.close(socket, 1000, "");
  }
}
