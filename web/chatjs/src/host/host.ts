/**
 * Does what the core wants: requests, sockets, the one timer; and brings it what happens. One host
 * serves all sessions of a page that have the same core, because the core does.
 */
import { type Level, log, LogLevel } from "../api/log";
import { ask, type ParticipantClient } from "./clients";
import {
  type Call,
  Core,
  type DoneOutput,
  type EventOutput,
  type HttpOutput,
  type Input,
  type Item,
  type Output,
  type SessionOptions,
  UNREADABLE,
  type UploadOutput,
} from "./core";
import { download, upload } from "./files";
import { post, type Reply, timeout } from "./http";
import { Managers, type SocketManager } from "./managers";
import { Sockets } from "./sockets";
import type { CoreSource, Exports } from "./wasm";

/** What the host tells a session. */
export interface Listener {
  /** An item for the application, and the number of the callback it is for. */
  item(kind: number, item: Item): void;
  /** Anything else the application should know. */
  event(event: EventOutput): void;
  /** There is a connection: the answer of the service, or what stands for it, and whether it also marked the agent as there (S181). */
  connection(body: string, acknowledged: boolean): void;
  /** Something a developer may want to read. */
  log(level: Level, text: string): void;
  /** What it has of the application's. */
  readonly means?: Means;
}

/** What a session has of the application's in place of what the host would use. */
export interface Means {
  /** Brings its items, over a socket of its own (S16). */
  manager?: SocketManager | undefined;
  /** Brings connection tokens (S178). */
  getConnectionToken?: (() => Promise<ConnectionTokenAnswer>) | undefined;
  /** Makes the requests to the service. */
  client?: ParticipantClient | undefined;
}

/** What `getConnectionToken` gives: what is called a participant token here is a connection token (S178). */
export interface ConnectionTokenAnswer {
  chatTokenTransport: { participantToken: string; expiry?: string };
}

/** What else a call may come with. */
export interface Also {
  /** Calls it off. */
  signal?: AbortSignal | undefined;
  /** Hears its number, before anything else is told of it. */
  started?(call: number): void;
  /** The file to send. */
  file?: Blob;
  /** Whether somebody wants to hear how far the file is. */
  progress?: boolean;
}

/** How a call ended well. */
export interface Answer {
  /** The number of the call whose answer this is. */
  call: number;
  /** The answer of the service, where the call has one: its members and `$metadata`. */
  data?: Record<string, unknown>;
  /** Nothing was sent: the answer is that of this earlier call. */
  earlier?: number;
  /** Of `connect`, what the socket does. */
  websocketStatus?: string;
  /** Nothing was sent: a receipt like this was (S98). */
  alreadyFired?: true;
  /** Where a file is. */
  url?: string;
  /** A file. */
  blob?: Blob;
  /** Of reading more of a transcript, how many entries came, and whether there are no older ones. */
  count?: number;
  atBeginning?: boolean;
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: DoneOutput): void;
  readonly also: Also;
}

/** How calls end without a core. */
type Failure = Pick<DoneOutput, "error" | "message">;

/** What came of a request and goes to the application as it came. */
interface Kept {
  readonly request: number;
  /** Of a good answer. */
  readonly status?: number;
  readonly body?: string;
  /** A file that was fetched. */
  readonly blob?: Blob;
  /** What was thrown. */
  readonly cause?: unknown;
}

/** What came of something that was done for the core. */
type Outcome = Omit<Kept, "request"> & { readonly reply: Reply };

/** The longest delay that a timer takes. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** Frames of this topic carry an item. */
const CHAT_TOPIC = "aws/chat";
/** The operation whose answer an application can see in the details of its chat (S56). */
const CONNECT = "CreateParticipantConnection";

let usual: CoreSource;
const hosts = new Map<CoreSource, Host>();

/** Sessions have such cores from now on, unless they ask for others. */
export function useCore(source: CoreSource): void {
  usual = source;
}

/** The host of this page for such cores; a new one when there is none, or when its core has failed. */
export function host(source: CoreSource = usual): Host {
  let found = hosts.get(source);
  if (found === undefined || found.failed) hosts.set(source, (found = new Host(source, source.load())));
  return found;
}

export class Host {
  /** Whether the core has failed, or could not be had; then nothing happens here any more. */
  failed = false;

  #core!: Core;
  readonly #sessions = new Map<number, Listener>();
  readonly #calls = new Map<number, Pending>();
  readonly #requests = new Map<number, AbortController>();
  readonly #sockets = new Sockets({
    tell: (input) => this.#tell(input),
    received: (socket, data) => this.#received(socket, data),
  });
  readonly #managers = new Managers({
    tell: (input) => this.#tell(input),
    content: (manager, text) => this.#content(manager, text),
    threw: (error) => log(LogLevel.ERROR, {}, "the application's socket manager failed:", error),
  });
  /** Whether a session needs to know more of each item than whom it is for. */
  #needsWholeItems: boolean;
  /** Items that the core holds: until it releases them it may show them at any time, and more than once. */
  readonly #items = new Map<number, Item>();
  #lastItem = 0;
  /** What the core is being told of now. */
  #kept: Kept | undefined;
  readonly #stop = new AbortController();
  #lastNumber = 0;
  /** What waits for the core to be loaded, or for the end of a drain: one input is handled at a time. */
  readonly #waiting: (() => void)[] = [];
  #busy = true;
  /** Why calls are in vain once the core has failed. */
  #why: Failure = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer goes off, which is never later than the deadline. */
  #timerAt = Infinity;
  #deadline = Infinity;

  constructor(source: CoreSource, core: Exports | Promise<Exports>) {
    this.#needsWholeItems = source.needsWholeItems ?? false;
    if (core instanceof Promise) {
      core
        .then((exports) => this.#begin(exports))
        .catch((error: Error) => {
          this.#fail(error, { error: "unreachable", message: `the core could not be loaded: ${error.message}` });
        });
    } else {
      this.#begin(core);
    }
    if (typeof addEventListener === "function") {
      const { signal } = this.#stop;
      for (const [name, on] of [
        ["online", true],
        ["offline", false],
      ] as const) {
        addEventListener(name, () => this.#tell({ type: "network", on }), { signal });
      }
      if (typeof document === "object") {
        const tell = () => this.#tell({ type: "visibility", on: document.visibilityState !== "hidden" });
        document.addEventListener("visibilitychange", tell, { signal });
      }
    }
    if (typeof navigator === "object" && navigator.onLine === false) this.#tell({ type: "network", on: false });
  }

  /** There is a core: does what has come up before. */
  #begin(exports: Exports): void {
    this.#core = new Core(exports);
    this.#finish();
  }

  /** Begins a session, from a snapshot if there is one, and gives its number. */
  create(options: SessionOptions, listener: Listener, snapshot?: string): number {
    const session = ++this.#lastNumber;
    this.#sessions.set(session, listener);
    const { manager, getConnectionToken } = listener.means ?? {};
    const all = { ...options };
    if (getConnectionToken) all.hostToken = true;
    if (manager) all.foreign = this.#managers.number(manager);
    if (snapshot === undefined) this.#tell({ type: "create", session, ...all });
    else this.#tell({ type: "restore", session, snapshot, ...all });
    return session;
  }

  /** Keeps the transcript of a session from now on: events say how it changes. */
  track(session: number): void {
    this.#needsWholeItems = true;
    this.#tell({ type: "track", session });
  }

  /** Ends a session without a word to the service. */
  forget(session: number): void {
    this.#tell({ type: "forget", session });
    this.#sessions.delete(session);
  }

  /** Asks something of a session. Rejects with the error as the core wrote it. */
  call(session: number, what: Call, also: Also = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = ++this.#lastNumber;
      const { signal } = also;
      this.#calls.set(call, { resolve, reject, also });
      also.started?.(call);
      if (this.failed) this.#end({ type: "done", session, call, ...this.#why });
      else this.#tell({ ...what, session, call });
      const cancel = () => this.#tell({ type: "cancel", call });
      if (signal?.aborted) cancel();
      else signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** Tells the core something and does what it then wants. */
  #tell(input: Input, kept?: Kept): void {
    this.#run(() => {
      this.#kept = kept;
      let outputs = this.#core.handle(input);
      // Text of an application may hold half a character, which JSON can write and the core cannot read.
      if (outputs[0]?.type === "refused") outputs = this.#core.handle(wellFormed(input));
      if (outputs[0]?.type === "refused" && "call" in input && "session" in input) {
        const { call, session } = input;
        this.#end({ type: "done", session, call, error: "invalid", message: outputs[0].message });
      } else {
        this.#take(outputs);
      }
      this.#kept = undefined;
    });
  }

  /** Does one thing at a time: what comes up meanwhile waits. */
  #run(step: () => void): void {
    if (this.failed) return;
    if (this.#busy) {
      this.#waiting.push(step);
      return;
    }
    this.#busy = true;
    try {
      step();
    } catch (error) {
      this.#fail(error);
    }
    this.#finish();
  }

  /** Ends what `run` began, and does what has come up meanwhile. */
  #finish(): void {
    for (let next = this.#waiting.shift(); next && !this.failed; next = this.#waiting.shift()) {
      try {
        next();
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#busy = false;
  }

  #take(outputs: readonly Output[]): void {
    for (const output of outputs) this.#do(output);
  }

  #do(output: Output): void {
    switch (output.type) {
      case "http":
        this.#request(output);
        break;
      case "upload":
        this.#upload(output);
        break;
      case "download":
        void this.#exchange(output.request, async (signal) => await download(output.url, signal));
        break;
      case "needToken":
        void this.#bringToken(output);
        break;
      case "joinForeign":
        this.#managers.join(output.foreign);
        break;
      case "leaveForeign":
        this.#managers.leave(output.foreign);
        break;
      case "abort":
        this.#requests.get(output.request)?.abort();
        this.#requests.delete(output.request);
        break;
      case "open":
        this.#sockets.open(output.socket, output.url);
        break;
      case "send":
        this.#sockets.send(output.socket, output.text);
        break;
      case "close":
        this.#sockets.close(output.socket, output.code, output.reason);
        break;
      case "done":
        this.#end(output);
        break;
      case "item": {
        const item = output.body ?? this.#items.get(output.item ?? 0);
        if (item) this.#sessions.get(output.session)?.item(output.kind, item);
        break;
      }
      case "transcript":
        for (const step of output.steps) {
          const item = "item" in step && this.#items.get(step.item ?? 0);
          if (item) (step as { body?: Item }).body = item;
        }
        this.#sessions.get(output.session)?.event(output);
        break;
      case "log":
        this.#log(output.level as Level, output.text, output.session);
        break;
      case "wake":
        this.#deadline = output.at ?? Infinity;
        this.#arm();
        break;
      case "release":
        this.#items.delete(output.item);
        break;
      case "refused":
        this.#log(LogLevel.ERROR, `the core cannot read what it is told: ${output.message}`);
        break;
      default:
        this.#sessions.get(output.session)?.event(output);
    }
  }

  #end(done: DoneOutput): void {
    const pending = this.#calls.get(done.call);
    if (!pending) return;
    this.#calls.delete(done.call);
    const kept = this.#kept;
    if (done.error !== undefined) {
      return pending.reject(done.error === "unreachable" ? { ...done, cause: kept?.cause } : done);
    }
    const answer: Answer = { call: done.call };
    if (done.earlier !== undefined) answer.earlier = done.earlier;
    if (done.count !== undefined) answer.count = done.count;
    if (done.atBeginning !== undefined) answer.atBeginning = done.atBeginning;
    if (done.websocketStatus !== undefined) answer.websocketStatus = done.websocketStatus;
    if (done.alreadyFired) answer.alreadyFired = done.alreadyFired;
    if (done.url !== undefined) answer.url = done.url;
    if (done.downloaded !== undefined && kept?.blob) answer.blob = kept.blob;
    if (done.request !== undefined) {
      const own = kept?.request === done.request ? kept : undefined;
      try {
        // Of an answer that came earlier the core has the body.
        answer.data = answerOf(own?.status ?? 200, own?.body ?? done.body ?? "", done);
      } catch (error) {
        return pending.reject({ ...done, error: "badAnswer", message: (error as Error).message });
      }
    }
    pending.resolve(answer);
  }

  #request(http: HttpOutput): void {
    const listener = this.#sessions.get(http.session);
    const client = listener?.means?.client;
    void this.#exchange(
      http.request,
      async (signal) => {
        const reply = await (client ? ask(client, http, signal) : post(http, signal));
        const { status, body } = reply;
        if (status < 200 || status > 299) return { reply };
        if (http.keepBody) reply.body = "";
        else if (http.operation === CONNECT) listener?.connection(body, http.body.includes("ConnectParticipant"));
        return { reply, status, body };
      },
      http,
    );
  }

  #upload(output: UploadOutput): void {
    const { request, call } = output;
    const { file, progress } = this.#calls.get(call)?.also ?? {};
    // A call that is over has no file any more, and its upload is called off.
    if (!file) return;
    const sent = progress ? (sent: number) => this.#tell({ type: "progress", request, sent }) : undefined;
    void this.#exchange(request, async (signal) => ({ reply: await upload(output, file, signal, sent) }));
  }

  /** Does something on the network and tells the core what came of it; a request to the service only for so long. */
  async #exchange(request: number, work: (signal: AbortSignal) => Promise<Outcome>, http?: HttpOutput): Promise<void> {
    const abort = new AbortController();
    this.#requests.set(request, abort);
    let late: Error | undefined;
    const timer = http && setTimeout(() => abort.abort((late = timeout(http))), http.timeoutMs);
    let input: Input;
    let kept: Kept;
    try {
      const { reply, ...rest } = await work(abort.signal);
      input = { type: "answered", request, ...reply };
      kept = { request, ...rest };
    } catch (error) {
      const cause: unknown = late ?? error;
      // The name and the text of the error reach the application, as the original's do.
      input = { type: "failed", request, text: String(cause) };
      kept = { request, cause };
    } finally {
      clearTimeout(timer);
    }
    // Nobody waits for a request that was given up.
    if (!this.#requests.delete(request)) return;
    this.#tell(input, kept);
  }

  /** Asks the application for a connection token (S178, S179). */
  async #bringToken({ request, session }: { request: number; session: number }): Promise<void> {
    const listener = this.#sessions.get(session);
    let input: Input;
    try {
      const answer = await listener?.means?.getConnectionToken?.();
      const { participantToken: token, expiry } = answer?.chatTokenTransport ?? {};
      if (!token) throw new TypeError("there is no connection token");
      const body = {
        Websocket: { Url: null, ConnectionExpiry: null },
        ConnectionCredentials: { ConnectionToken: token, Expiry: expiry },
      };
      listener?.connection(JSON.stringify(body), false);
      input = { type: "token", request, token, expiry: isoTime(expiry) };
    } catch (error) {
      input = { type: "token", request, text: String(error) };
    }
    this.#tell(input);
  }

  /** A frame. What holds an item is parsed here, where that is fastest, and only its head is passed on. */
  #received(socket: number, data: unknown): void {
    if (typeof data !== "string" || data === "") return;
    const item = itemOf(contentOf(data));
    if (item) this.#bring(socket, item, data);
    else this.#tell({ type: "text", socket, text: data });
  }

  /** What a socket manager brings. */
  #content(foreign: number, text: string): void {
    const item = itemOf(text);
    if (item) this.#bring(-foreign, item, text);
    else this.#tell({ type: "foreignText", foreign, text });
  }

  #bring(source: number, item: Item, text: string): void {
    if (this.#busy || this.failed) return this.#run(() => this.#item(source, item, text));
    // As `run`, without a closure: this is what happens most.
    this.#busy = true;
    try {
      this.#item(source, item, text);
    } catch (error) {
      this.#fail(error);
    }
    this.#finish();
  }

  /** An item over a socket, or over the manager of minus `source`. */
  #item(source: number, item: Item, text: string): void {
    const handle = ++this.#lastItem;
    const code = this.#core.item(source, handle, item, this.#needsWholeItems);
    if (code > 0) {
      this.#sessions.get(code >> 5)?.item((code & 31) - 1, item);
    } else if (code === UNREADABLE) {
      const input: Input =
        source < 0 ? { type: "foreignText", foreign: -source, text } : { type: "text", socket: source, text };
      this.#take(this.#core.handle(input));
    } else if (code < 0) {
      this.#items.set(handle, item);
      this.#take(this.#core.outputs(code));
    }
  }

  #arm(): void {
    if (this.#deadline >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = this.#deadline;
    const delay = Math.ceil(this.#deadline - performance.now());
    this.#timer = setTimeout(() => this.#due(), Math.min(Math.max(delay, 0), LONGEST_DELAY_MS));
  }

  /** The timer went off. The deadline may have moved away since it was set. */
  #due(): void {
    this.#timerAt = Infinity;
    if (performance.now() < this.#deadline) this.#arm();
    else this.#tell({ type: "time" });
  }

  #log(level: Level, text: string, session?: number): void {
    const listener = session === undefined ? undefined : this.#sessions.get(session);
    if (listener) listener.log(level, text);
    else log(level, {}, text);
  }

  /** The core panicked, or could not be loaded. Its sessions are broken; new ones get a new core. */
  #fail(error: unknown, why: Failure = { error: "closed", message: "the core has failed" }): void {
    this.failed = true;
    this.#why = why;
    this.#stop.abort();
    clearTimeout(this.#timer);
    for (const request of this.#requests.values()) request.abort();
    this.#sockets.closeAll();
    for (const call of [...this.#calls.keys()]) {
      this.#end({ type: "done", session: 0, call, ...why });
    }
    for (const listener of this.#sessions.values()) {
      listener.log(LogLevel.ERROR, `the core has failed: ${String(error)}`);
      listener.event({ type: "broken" });
    }
  }
}

/** The text of the item in a frame, if it has one. */
function contentOf(frame: string): string | undefined {
  try {
    const { topic, content } = JSON.parse(frame) as { topic?: unknown; content?: unknown };
    return topic === CHAT_TOPIC && typeof content === "string" ? content : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The item; `undefined` when it cannot be read, and for a part of a streamed message, whose text the core has to
 * read as well.
 */
function itemOf(text: string | undefined): Item | undefined {
  if (text === undefined) return undefined;
  try {
    const item = JSON.parse(text) as Item | null;
    if (typeof item !== "object" || item === null || Array.isArray(item)) return undefined;
    const metadata = item["MessageMetadata"] as Item | undefined;
    return metadata && (metadata["MessageCompleted"] ?? null) !== null ? undefined : item;
  } catch {
    return undefined;
  }
}

/** A time that the application gave, if it is one. */
function isoTime(time: string | undefined): string | undefined {
  const date = new Date(time ?? NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** The same input with U+FFFD where a surrogate stood alone. */
function wellFormed(input: Input): Input {
  const whole = ([name, value]: [string, unknown]) => [
    name,
    typeof value === "string" ? new TextDecoder().decode(new TextEncoder().encode(value)) : value,
  ];
  return Object.fromEntries(Object.entries(input).map(whole)) as Input;
}

/** The answer of the service in the form of the original (S59). */
function answerOf(status: number, body: string, done: DoneOutput): Record<string, unknown> {
  return {
    $metadata: {
      httpStatusCode: status,
      requestId: done.requestId,
      attempts: done.attempts,
      totalRetryDelay: done.retryDelayMs,
    },
    ...(body === "" ? undefined : (JSON.parse(body) as object)),
  };
}
