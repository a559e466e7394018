/**
 * One socket for all pages of an origin that are in the same chat for the same participant.
 *
 * The page that holds a lock keeps the socket and tells the others what comes over it; when it goes, the lock
 * and with it the socket passes to another. Each page has a session of its own, with its own token and
 * transcript, for which this is a socket manager: so nothing but frames has to be in step, and whoever misses
 * one reads the transcript, as after any loss of a connection.
 */
import { LogLevel } from "../api/log";
import type { SocketManager } from "../host/managers";
import { Relay, type RelayOptions } from "./relay";

/** What pages say to each other. `count` counts the items that a page has passed on. */
type Said =
  /** Who keeps the socket is to say how things are, and that it is alive. */
  | { type: "wake" }
  /** How things are; `renewed` when a socket has subscribed in the place of another. */
  | { type: "state"; page: string; count: number; online: boolean; renewed?: boolean }
  | { type: "item"; page: string; count: number; text: string }
  | { type: "broken"; page: string };

/** A page that keeps the socket and says nothing for so long is asleep, or dead. */
const SILENCE_MS = 3_000;
/** `ready` waits no longer for a socket. */
const PATIENCE_MS = 10_000;

type Callback = () => void;

export class SharedLine implements SocketManager {
  readonly #name: string;
  readonly #relayOptions: RelayOptions;
  readonly #log: Relay["log"];
  readonly #page = crypto.randomUUID();
  readonly #items = new Set<(frame: { content: string }) => void>();
  readonly #gains = new Set<Callback>();
  readonly #losses = new Set<Callback>();
  readonly #failures = new Set<Callback>();
  #channel: BroadcastChannel | undefined;
  /** Ends listening to the page. */
  #stop = new AbortController();
  /** Ends the wish for the lock, while it is not granted; there until the line is closed. */
  #wished: AbortController | undefined;
  /** Gives the lock back. */
  #release: Callback | undefined;
  #relay: Relay | undefined;
  /** Which page keeps the socket, how many items it has passed on, and whether the socket is there. */
  #keeper = "";
  #count = 0;
  #online = false;
  /** Goes off when the page that keeps the socket does not answer. */
  #silence: ReturnType<typeof setTimeout> | undefined;
  #waiting: Callback[] = [];

  constructor(name: string, relayOptions: RelayOptions, log: Relay["log"]) {
    this.#name = name;
    this.#relayOptions = relayOptions;
    this.#log = log;
  }

  /** Waits until the socket is there; not for long, since without it a session still can tell what is wrong. */
  async ready(): Promise<void> {
    this.#open();
    this.#wake();
    if (this.#online) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PATIENCE_MS);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  // What a session needs of a socket manager.

  subscribeTopics(): void {
    this.#open();
  }

  onMessage(_topic: string, callback: (frame: { content: string }) => void): Callback {
    return added(this.#items, callback);
  }

  onConnectionGain(callback: Callback): Callback {
    return added(this.#gains, callback);
  }

  onConnectionLost(callback: Callback): Callback {
    // Whoever joins takes the socket to be there.
    if (!this.#online) queueMicrotask(callback);
    return added(this.#losses, callback);
  }

  onInitFailure(callback: Callback): Callback {
    return added(this.#failures, callback);
  }

  /** Nobody in this page needs the socket any more. */
  closeWebSocket(): void {
    this.#stop.abort();
    this.#wished?.abort();
    this.#wished = undefined;
    this.#release?.();
    this.#relay?.close();
    this.#relay = undefined;
    this.#channel?.close();
    this.#channel = undefined;
    clearTimeout(this.#silence);
    this.#keeper = "";
    this.#online = false;
    this.#settle();
  }

  #open(): void {
    if (this.#wished) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    if (typeof document === "object") {
      const seen = () => document.visibilityState === "visible" && this.#wake();
      document.addEventListener("visibilitychange", seen, { signal });
    }
    if (typeof addEventListener === "function") addEventListener("online", () => this.#wake(), { signal });
    try {
      this.#channel = new BroadcastChannel(this.#name);
      this.#channel.onmessage = ({ data }) => {
        if (isSaid(data)) this.#heard(data);
      };
    } catch (error) {
      this.#wished = new AbortController();
      return this.#keepAlone(error as Error);
    }
    this.#wish();
  }

  /** Wishes for the lock, which comes when the page that has it goes; or takes it at once. */
  #wish(steal = false): void {
    this.#wished?.abort();
    const wished = new AbortController();
    this.#wished = wished;
    const isOver = () => this.#wished !== wished;
    const held = navigator.locks.request(this.#name, steal ? { steal } : { signal: wished.signal }, async () => {
      if (isOver()) return;
      this.#keep();
      await new Promise<void>((resolve) => (this.#release = resolve));
    });
    held.catch((error: Error) => {
      if (isOver()) return;
      if (error.name !== "AbortError") return this.#keepAlone(error);
      // This page was asleep, and another one has taken the lock.
      this.#relay?.close();
      this.#relay = undefined;
      this.#keeper = "";
      this.#turn(false);
      this.#wish();
      this.#say({ type: "wake" });
    });
  }

  /** Pages may not speak to each other here, as in a frame that may not store anything: each has a socket. */
  #keepAlone({ name }: Error): void {
    this.#log(LogLevel.WARN, `the socket is not shared with other pages: ${name}`);
    try {
      if (!this.#relay) this.#keep();
    } catch {
      this.#break();
    }
  }

  /** From now on this page keeps the socket. */
  #keep(): void {
    clearTimeout(this.#silence);
    this.#keeper = this.#page;
    this.#count = 0;
    this.#turn(false);
    this.#tell();
    this.#relay = new Relay(this.#relayOptions, {
      gained: () => {
        this.#turn(true, true);
        this.#tell(true);
      },
      lost: () => {
        this.#turn(false);
        this.#tell();
        this.#settle();
      },
      broken: () => {
        this.#say({ type: "broken", page: this.#page });
        this.#break();
      },
      item: (text) => {
        this.#say({ type: "item", page: this.#page, count: ++this.#count, text });
        this.#give(text);
      },
      log: this.#log,
    });
  }

  /** Has the socket prove that it is alive, and the page that keeps it. */
  #wake(): void {
    if (this.#relay) return this.#relay.wake();
    this.#say({ type: "wake" });
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#wish(true), SILENCE_MS);
  }

  #heard(said: Said): void {
    if (said.type === "wake") {
      if (!this.#relay) return;
      this.#tell();
      return this.#relay.wake();
    }
    // Who was asleep may still think that it keeps the socket.
    if (this.#relay) return;
    clearTimeout(this.#silence);
    if (said.type === "broken") return this.#break();
    const isKnown = said.page === this.#keeper;
    if (said.type === "item") {
      // It says how things are, which has everybody look what they have missed.
      if (!isKnown) return this.#say({ type: "wake" });
      const missed = said.count !== this.#count + 1;
      this.#count = said.count;
      if (missed) this.#turn(true, true);
      this.#give(said.text);
    } else {
      const missed = said.count !== this.#count;
      this.#keeper = said.page;
      this.#count = said.count;
      this.#turn(said.online, !isKnown || missed || said.renewed);
    }
  }

  #tell(renewed = false): void {
    this.#say({ type: "state", page: this.#page, count: this.#count, online: this.#online, renewed });
  }

  #say(said: Said): void {
    this.#channel?.postMessage(said);
  }

  #give(text: string): void {
    for (const callback of [...this.#items]) callback({ content: text });
  }

  /** The socket is there or is not; after one that has been renewed, everybody looks what they have missed. */
  #turn(online: boolean, renewed = false): void {
    const changed = this.#online !== online;
    this.#online = online;
    if (online && (changed || renewed)) {
      for (const callback of [...this.#gains]) callback();
    } else if (changed) {
      for (const callback of [...this.#losses]) callback();
    }
    if (online) this.#settle();
  }

  #break(): void {
    this.#online = false;
    for (const callback of [...this.#failures]) callback();
    this.#settle();
  }

  /** Nobody needs to wait any more. */
  #settle(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

/** Other scripts of the origin and other versions of this one may speak on the channel as well. */
function isSaid(data: unknown): data is Said {
  const { type, page, count, online, text } = (data ?? {}) as Record<string, unknown>;
  if (type === "wake") return true;
  if (typeof page !== "string") return false;
  if (type === "broken") return true;
  if (!Number.isSafeInteger(count)) return false;
  return type === "state" ? typeof online === "boolean" : type === "item" && typeof text === "string";
}

function added<T>(callbacks: Set<T>, callback: T): Callback {
  callbacks.add(callback);
  return () => callbacks.delete(callback);
}
