/**
 * Does what the core wants: requests, sockets, the one timer; and brings it what happens. One host
 * serves all sessions of a page that have the same core, because the core does.
 */
import { type Level, log, LogLevel } from "../api/log";
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
} from "./core";
import type { CoreSource, Exports } from "./wasm";

/** What the host tells a session. */
export interface Listener {
  /** An item for the application, and the number of the callback it is for. */
  item(kind: number, item: Item): void;
  /** Anything else the application should know. */
  event(event: EventOutput): void;
  /** The service gave a connection: the body of its answer. */
  connection(body: string): void;
  /** Something a developer may want to read. */
  log(level: Level, text: string): void;
}

/** What else a call may come with. */
export interface Also {
  /** Calls it off. */
  signal?: AbortSignal | undefined;
  /** Hears its number, before anything else is told of it. */
  started?(call: number): void;
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
  /** Of reading more of a transcript, how many entries came, and whether there are no older ones. */
  count?: number;
  atBeginning?: boolean;
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: DoneOutput): void;
}

/** How calls end without a core. */
type Failure = Pick<DoneOutput, "error" | "message">;

/** A good answer, which goes to the application as it came. */
interface Kept {
  readonly request: number;
  readonly status: number;
  readonly body: string;
}

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
  if (found === undefined || found.failed)
    hosts.set(source, (found = new Host(source.load(), source.takesItems ?? true)));
  return found;
}

export class Host {
  /** Whether the core has failed, or could not be had; then nothing happens here any more. */
  failed = false;

  #core!: Core;
  readonly #takesItems: boolean;
  readonly #sessions = new Map<number, Listener>();
  readonly #calls = new Map<number, Pending>();
  readonly #requests = new Map<number, AbortController>();
  readonly #sockets = new Map<number, WebSocket>();
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

  constructor(core: Exports | Promise<Exports>, takesItems: boolean) {
    this.#takesItems = takesItems;
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
    if (snapshot === undefined) this.#tell({ type: "create", session, ...options });
    else this.#tell({ type: "restore", session, snapshot, ...options });
    return session;
  }

  /** Ends a session without a word to the service. */
  forget(session: number): void {
    this.#tell({ type: "forget", session });
    this.#sessions.delete(session);
  }

  /** Asks something of a session. Rejects with the error as the core wrote it. */
  call(session: number, what: Call, { signal, started }: Also = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = ++this.#lastNumber;
      this.#calls.set(call, { resolve, reject });
      started?.(call);
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
        void this.#request(output);
        break;
      case "abort":
        this.#requests.get(output.request)?.abort();
        this.#requests.delete(output.request);
        break;
      case "open":
        this.#open(output.socket, output.url);
        break;
      case "send":
        this.#send(output.socket, output.text);
        break;
      case "close":
        this.#close(output.socket, output.code, output.reason);
        break;
      case "done":
        this.#end(output);
        break;
      case "item": {
        const item = output.body ?? this.#items.get(output.item ?? 0);
        if (item) this.#sessions.get(output.session)?.item(output.kind, item);
        break;
      }
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
    if (done.error !== undefined) return pending.reject(done);
    const answer: Answer = { call: done.call };
    if (done.earlier !== undefined) answer.earlier = done.earlier;
    if (done.count !== undefined) answer.count = done.count;
    if (done.atBeginning !== undefined) answer.atBeginning = done.atBeginning;
    if (done.websocketStatus !== undefined) answer.websocketStatus = done.websocketStatus;
    if (done.request !== undefined) {
      const kept = this.#kept?.request === done.request ? this.#kept : undefined;
      try {
        // Of an answer that came earlier the core has the body.
        answer.data = answerOf(kept?.status ?? 200, kept?.body ?? done.body ?? "", done);
      } catch (error) {
        return pending.reject({ ...done, error: "badAnswer", message: (error as Error).message });
      }
    }
    pending.resolve(answer);
  }

  async #request(http: HttpOutput): Promise<void> {
    const { request } = http;
    const abort = new AbortController();
    this.#requests.set(request, abort);
    const timer = setTimeout(() => abort.abort(timeout(http)), http.timeoutMs);
    let input: Input;
    let kept: Kept | undefined;
    try {
      const response = await fetch(http.url, {
        method: http.method,
        headers: { "Content-Type": "application/json", ...http.headers },
        body: http.body || null,
        signal: abort.signal,
      });
      const { status, headers } = response;
      const body = await response.text();
      if (response.ok) kept = { request, status, body };
      input = {
        type: "answered",
        request,
        status,
        errorType: headers.get("x-amzn-ErrorType"),
        requestId: headers.get("x-amzn-RequestId"),
        retryAfterMs: retryAfterMs(headers.get("Retry-After")),
        body: http.keepBody && status === 200 ? "" : body,
      };
      if (http.operation === CONNECT && status === 200) this.#sessions.get(http.session)?.connection(body);
    } catch (error) {
      // The name and the text of the error reach the application, as the original's do.
      input = { type: "failed", request, text: String(error) };
    } finally {
      clearTimeout(timer);
    }
    // Nobody waits for a request that was given up.
    if (!this.#requests.delete(request)) return;
    this.#tell(input, kept);
  }

  #open(socket: number, url: string): void {
    let opened: WebSocket;
    try {
      opened = new WebSocket(url);
    } catch (error) {
      // Not the error's text: that holds the URL, which is secret.
      const text = `cannot be opened: ${(error as Error).name}`;
      this.#tell({ type: "closed", socket, code: null, text });
      return;
    }
    this.#sockets.set(socket, opened);
    opened.onopen = () => this.#tell({ type: "opened", socket });
    opened.onmessage = (event) => this.#received(socket, event.data);
    // A `close` follows each error. Node's sockets end the process when nobody listens.
    opened.onerror = () => undefined;
    opened.onclose = (event) => {
      this.#sockets.delete(socket);
      this.#tell({ type: "closed", socket, code: event.code, text: event.reason });
    };
  }

  #send(socket: number, text: string): void {
    try {
      this.#sockets.get(socket)?.send(text);
    } catch {
      // It is not open, and its `close` event says so.
    }
  }

  #close(socket: number, code: number, reason: string): void {
    const closed = this.#sockets.get(socket);
    if (!closed) return;
    this.#sockets.delete(socket);
    closed.onopen = closed.onmessage = closed.onclose = null;
    // A page may only give these codes.
    if (code === 1000 || code >= 3000) closed.close(code, reason);
    else closed.close();
  }

  /** A frame. What holds an item is parsed here, where that is fastest, and only its head is passed on. */
  #received(socket: number, data: unknown): void {
    if (typeof data !== "string" || data === "") return;
    const item = this.#takesItems ? itemOf(data) : undefined;
    if (!item) return this.#tell({ type: "text", socket, text: data });
    if (this.#busy || this.failed) return this.#run(() => this.#item(socket, item, data));
    // As `run`, without a closure: this is what happens most.
    this.#busy = true;
    try {
      this.#item(socket, item, data);
    } catch (error) {
      this.#fail(error);
    }
    this.#finish();
  }

  #item(socket: number, item: Item, frame: string): void {
    const handle = ++this.#lastItem;
    const code = this.#core.item(socket, handle, item);
    if (code > 0) {
      this.#sessions.get(code >> 5)?.item((code & 31) - 1, item);
    } else if (code === UNREADABLE) {
      this.#take(this.#core.handle({ type: "text", socket, text: frame }));
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
    for (const socket of [...this.#sockets.keys()]) this.#close(socket, 1000, "");
    for (const call of [...this.#calls.keys()]) {
      this.#end({ type: "done", session: 0, call, ...why });
    }
    for (const listener of this.#sessions.values()) {
      listener.log(LogLevel.ERROR, `the core has failed: ${String(error)}`);
      listener.event({ type: "broken" });
    }
  }
}

/**
 * The item in a frame; `undefined` when there is none, when it cannot be read, and when it has
 * metadata, which the core has to read as well: receipts and parts of streamed messages.
 */
function itemOf(frame: string): Item | undefined {
  try {
    const { topic, content } = JSON.parse(frame) as { topic?: unknown; content?: unknown };
    if (topic !== CHAT_TOPIC || typeof content !== "string") return undefined;
    const item = JSON.parse(content) as Item | null;
    const isSimple = typeof item === "object" && item !== null && !Array.isArray(item) && !item["MessageMetadata"];
    return isSimple ? item : undefined;
  } catch {
    return undefined;
  }
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

/** The header `Retry-After`: seconds or a date. */
function retryAfterMs(value: string | null): number | null {
  if (!value) return null;
  const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER ? Math.round(ms) : null;
}

function timeout({ operation, timeoutMs }: HttpOutput): Error {
  const error = new Error(`${operation} got no answer within ${timeoutMs} ms`);
  error.name = "TimeoutError";
  return error;
}
