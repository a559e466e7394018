/**
 * Does what the core wants: requests, sockets, the one timer; and brings it what happens. One host
 * serves all sessions of a page that have the same core, because the core does.
 */
import type { ConnectionDetails } from "../../types/index";
import { type Level, log, LogLevel } from "../api/log";
import {
  APPENDED,
  type Call,
  Core,
  type DoneOutput,
  type EventOutput,
  type HttpOutput,
  type Input,
  type Item,
  type Need,
  type Output,
  type SessionOptions,
  thrown,
  type UploadOutput,
} from "./core";
import { download, put } from "./files";
import type { Values } from "./border";
import { post, type Reply, resultOf, through, timeout } from "./http";
import { shareTexts } from "./items";
import { Managers } from "./managers";
import { Network } from "./network";
import { answerOf, connectionOf, contentOf, errorOf, frameOf, isPart, objectOf, partOf } from "./parsed";
import {
  type Also,
  type Answer,
  askForToken,
  type Begun,
  connectionDetails,
  type Listener,
  mayRepeat,
  type Pending,
} from "./session";
import { Sockets } from "./sockets";
import type { CoreSource, Exports } from "./wasm";

export type { Also, Answer, Listener, Means } from "./session";

/** How calls end without a core. */
type Failure = Pick<DoneOutput, "error" | "message">;

/** What came of a request and goes to the application as it came. */
interface Kept {
  readonly request: number;
  readonly session: number;
  /** A good answer. */
  readonly good?: Reply;
  /** A file that was fetched. */
  readonly blob?: Blob;
  /** What was thrown. */
  readonly cause?: unknown;
}

/** What came of something that was done for the core. */
type Outcome = Omit<Kept, "request" | "session"> & { readonly reply: Reply; readonly parsed?: Values };

/** The longest delay that a timer takes. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** How calls end that a core was at work on when it failed. */
const FAILED: Failure & { message: string } = { error: "closed", message: "the core has failed" };
/** The operation whose answer an application can see in the details of its chat (S56). */
const CONNECT = "CreateParticipantConnection";
/** A core that fails more often in so short a time is not replaced again. */
const MOST_FAULTS = 3;
const FAULTS_MS = 60_000;

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
  /** Hears each frame of each socket first. */
  onFrame: ((frame: string, socket: number) => void) | undefined;

  #core!: Core;
  readonly #source: CoreSource;
  readonly #sessions = new Map<number, Begun>();
  readonly #calls = new Map<number, Pending>();
  readonly #requests = new Map<number, AbortController>();
  readonly #sockets = new Sockets({
    tell: (input) => {
      // Whether to come back at once.
      if (input.type === "closed") this.#network.ask();
      this.#tell(input);
    },
    received: (socket, data) => this.#received(socket, data),
  });
  readonly #managers = new Managers({
    tell: (input) => this.#tell(input),
    content: (foreign, text) => {
      if (!this.#content(-foreign, text)) this.#tell({ type: "foreignText", foreign });
    },
    threw: (error) => log(LogLevel.ERROR, {}, "the application's socket manager failed:", error),
  });
  readonly #network: Network;
  /** What the sessions need to know of each item. */
  #need: Need;
  /** Items that the core holds: until it releases them it may show them at any time, and more than once. */
  readonly #items = new Map<number, Item>();
  #lastItem = 0;
  #lastKept: Item = {};
  /** What the core is being told of now, and in which session, where that is known. */
  #kept: Kept | undefined;
  #serving: number | undefined;
  /** When the core failed lately. */
  #faults: number[] = [];
  readonly #stop = new AbortController();
  #lastNumber = 0;
  /** What waits for the core to be loaded, or for the end of a drain: one input is handled at a time. */
  readonly #waiting: (() => void)[] = [];
  #busy = true;
  #loading = true;
  /** Why calls are in vain once the core has failed. */
  #why: Failure = {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer goes off, which is never later than the deadline. */
  #timerAt = Infinity;
  #deadline = Infinity;

  constructor(source: CoreSource, core: Exports | Promise<Exports>) {
    this.#source = source;
    this.#need = this.#needed();
    this.#start(core);
    this.#finish();
    if (typeof document === "object") {
      const tell = () => this.#tell({ type: "visibility", on: document.visibilityState !== "hidden" });
      document.addEventListener("visibilitychange", tell, { signal: this.#stop.signal });
    }
    this.#network = new Network(
      (on) => this.#tell({ type: "network", on }),
      () => this.#sessions.size > 0,
      this.#stop.signal,
    );
  }

  /** There is a core, or will be: then what has come up before is done. */
  #start(core: Exports | Promise<Exports>): void {
    if (core instanceof Promise) {
      this.#loading = true;
      core
        .then((exports) => {
          this.#start(exports);
          this.#finish();
        })
        .catch((error: Error) => {
          this.#fail(error, { error: "unreachable", message: `the core could not be loaded: ${error.message}` });
        });
    } else {
      this.#core = new Core(core);
      this.#loading = false;
    }
  }

  /** Begins a session and gives its number. */
  create(given: SessionOptions, listener: Listener): number {
    const session = ++this.#lastNumber;
    const { manager, getConnectionToken } = listener.means ?? {};
    const options = { ...given };
    if (getConnectionToken) options.hostToken = true;
    if (manager) options.foreign = this.#managers.number(manager);
    const begun: Begun = { options, listener, tracked: false, live: false, lost: false };
    this.#sessions.set(session, begun);
    this.#network.ask();
    this.#create(session, begun);
    // A core that takes its place goes on where it was.
    delete options.replay;
    return session;
  }

  #create(session: number, { options, listener: { snapshot } }: Begun): void {
    if (snapshot === undefined) this.#tell({ type: "create", session, ...options });
    else this.#tell({ type: "restore", session, snapshot, ...options });
  }

  /** Keeps the transcript of a session from now on: events say how it changes. */
  track(session: number): void {
    const begun = this.#sessions.get(session);
    if (begun) begun.tracked = true;
    this.#need = this.#needed();
    this.#tell({ type: "track", session });
  }

  #needed(): Need {
    if (this.#source.needsWholeItems) return "whole";
    return [...this.#sessions.values()].some(({ tracked }) => tracked) ? "entry" : "recipient";
  }

  /** Has sockets prove that they are alive, and ends back-offs, as coming back to a page does. */
  wake(): void {
    this.#tell({ type: "visibility", on: true });
  }

  /** Nobody has a session here any more, or will. */
  close(): void {
    this.failed = true;
    this.#stop.abort();
    this.#drop();
  }

  /** Ends a session without a word to the service. */
  forget(session: number): void {
    const foreign = this.#sessions.get(session)?.options.foreign;
    this.#sessions.delete(session);
    this.#need = this.#needed();
    this.#tell({ type: "forget", session });
    const isLast = ![...this.#sessions.values()].some(({ options }) => options.foreign === foreign);
    if (foreign !== undefined && isLast) this.#managers.forget(foreign);
  }

  /** Asks something of a session. Rejects with the error as the core wrote it. */
  call(session: number, what: Call, also: Also = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const call = ++this.#lastNumber;
      this.#calls.set(call, { session, what, also, told: false, off: false, resolve, reject });
      also.started?.(call);
      if (this.failed) this.#end({ type: "done", session, call, ...this.#why });
      else this.#tell({ ...what, session, call });
    });
  }

  /** Calls a call off. */
  cancel(call: number): void {
    const pending = this.#calls.get(call);
    if (!pending) return;
    pending.off = true;
    this.#tell({ type: "cancel", call });
  }

  /** Tells the core something and does what it then wants. */
  #tell(input: Input, kept?: Kept): void {
    this.#run(() => {
      this.#kept = kept;
      this.#serving = "session" in input ? input.session : kept?.session;
      const pending = "call" in input && this.#calls.get(input.call);
      if (pending) pending.told = true;
      const outputs = this.#core.handle(input);
      const [first] = outputs;
      if (first?.type === "refused") this.#refused(input, first.message);
      else this.#take(outputs);
      this.#kept = this.#serving = undefined;
    });
  }

  /** What the application gave is not of the type that it should be. Whoever waits for it hears of that. */
  #refused(input: Input, message: string): void {
    const text = `TypeError: ${message}`;
    if ("call" in input && "session" in input) {
      const { call, session } = input;
      this.#end({ type: "done", session, call, error: "invalid", message });
    } else if ("request" in input) {
      const type = input.type === "token" ? "token" : "failed";
      this.#take(this.#core.handle({ type, request: input.request, text }));
    } else {
      const begun = "session" in input && this.#sessions.get(input.session);
      if (begun) begun.refused = { error: "invalid", message };
      this.#log(LogLevel.ERROR, `the core cannot read what it is told: ${message}`);
    }
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
      this.#recover(error);
    }
    this.#finish();
  }

  /** Ends what `run` began, and does what has come up meanwhile. */
  #finish(): void {
    while (!this.#loading && !this.failed) {
      const next = this.#waiting.shift();
      if (!next) break;
      try {
        next();
      } catch (error) {
        this.#recover(error);
      }
    }
    this.#busy = this.#loading;
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
        void this.#exchange(output, (signal) => download(output.url, signal));
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
        if (item) this.#sessions.get(output.session)?.listener.item(output.kind, item);
        break;
      }
      case "transcript":
        for (const step of output.steps) {
          if ("item" in step && step.item) step.body = this.#items.get(step.item) ?? {};
        }
        this.#event(output);
        for (const step of output.steps) {
          if ("kept" in step && step.item && step.kept) this.#items.set(step.item, step.kept);
        }
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
        // That is said of an input of which nothing else comes.
        break;
      default:
        this.#event(output);
    }
  }

  #event(event: { session: number } & EventOutput): void {
    const begun = this.#sessions.get(event.session);
    if (!begun) return;
    if (event.type === "broken" || event.type === "ended") begun.live = false;
    if (event.type === "lost") begun.lost = true;
    if (event.type === "established" && event.bySocket) begun.lost = false;
    begun.listener.event(event);
  }

  #end(done: DoneOutput): void {
    const pending = this.#calls.get(done.call);
    if (!pending) return;
    this.#calls.delete(done.call);
    const begun = this.#sessions.get(pending.session);
    if (begun && pending.what.type === "connect" && done.error === undefined) begun.live = true;
    const kept = this.#kept;
    if (done.error !== undefined) {
      const cause = done.error === "unreachable" ? kept?.cause : undefined;
      return pending.reject({ ...done, cause, ...begun?.refused });
    }
    const answer: Answer = { ...done, blob: kept?.blob };
    if (done.request !== undefined) {
      try {
        answer.data = resultOf(kept?.request === done.request ? kept.good : undefined, done);
      } catch (error) {
        return pending.reject({ ...done, error: "badAnswer", message: (error as Error).message });
      }
    }
    pending.resolve(answer);
  }

  #request(http: HttpOutput): void {
    const client = this.#sessions.get(http.session)?.listener.means?.client;
    void this.#exchange(
      http,
      async (signal) => {
        const reply = await (client ? through(client, http, signal) : post(http, signal));
        const { status, errorType, body } = reply;
        if (status < 200 || status > 299) return { reply, parsed: errorOf(status, errorType, body) };
        if (http.keepBody) return { reply, good: reply };
        if (http.operation === CONNECT) {
          const details = connectionDetails(body, http.body.includes("ConnectParticipant"));
          this.#connection(http.session, details);
          return { reply, good: reply, parsed: connectionOf(details) };
        }
        return { reply, good: reply, parsed: answerOf(http.operation, body) };
      },
      http,
    );
  }

  #upload(output: UploadOutput): void {
    const { request, call } = output;
    const { file, upload = put } = this.#calls.get(call)?.also ?? {};
    // So has a call that is over, whose upload nobody asks about any more.
    if (!file) return this.#tell({ type: "failed", request, text: "TypeError: the call has no file" });
    const sent = (sent: number) => this.#tell({ type: "progress", request, sent });
    void this.#exchange(output, async (signal) => ({ reply: await upload(output, file, signal, sent) }));
  }

  /** Does something on the network and tells the core what came of it; a request to the service only for so long. */
  async #exchange(
    { request, session }: { request: number; session: number },
    work: (signal: AbortSignal) => Promise<Outcome>,
    http?: HttpOutput,
  ): Promise<void> {
    const abort = new AbortController();
    this.#requests.set(request, abort);
    let late: Error | undefined;
    const timer = http && setTimeout(() => abort.abort((late = timeout(http))), http.timeoutMs);
    let input: Input;
    let kept: Kept;
    try {
      const { reply, parsed, ...rest } = await work(abort.signal);
      input = { type: "answered", request, status: reply.status, retryAfterMs: reply.retryAfterMs, parsed };
      kept = { request, session, ...rest };
    } catch (error) {
      const cause: unknown = late ?? error;
      // The name and the text of the error reach the application, as the original's do.
      input = { type: "failed", request, text: thrown(cause) };
      // What the storage's failed with is for the application as it is (S74).
      kept = http ? { request, session } : { request, session, cause };
    } finally {
      clearTimeout(timer);
    }
    // Nobody waits for a request that was given up; another core may have one of the same number.
    if (this.#requests.get(request) !== abort) return;
    this.#requests.delete(request);
    this.#tell(input, kept);
  }

  #connection(session: number, details: ConnectionDetails | undefined): void {
    const begun = this.#sessions.get(session);
    if (!begun) return;
    begun.token = details?.connectionToken;
    begun.listener.connection(details);
  }

  /** Asks the application for a connection token (S178, S179). */
  async #bringToken({ request, session }: { request: number; session: number }): Promise<void> {
    const core = this.#core;
    let input: Input;
    try {
      const { token, expiresMs, connection } = await askForToken(this.#sessions.get(session)?.listener.means);
      this.#connection(session, connection);
      input = { type: "token", request, token, expiresMs };
    } catch (error) {
      input = { type: "token", request, text: thrown(error) };
    }
    if (core === this.#core) this.#tell(input, { request, session });
  }

  /** A frame. What holds an item is parsed here, where that is fastest, and only its head is passed on. */
  #received(socket: number, data: unknown): void {
    if (typeof data !== "string" || data === "") return;
    this.onFrame?.(data, socket);
    const frame = objectOf(data);
    if (!this.#content(socket, contentOf(frame))) this.#tell({ type: "frame", socket, parsed: frameOf(frame) });
  }

  /** The text of an item, if it is one; says whether it was. */
  #content(source: number, text: string | undefined): boolean {
    const item = text !== undefined && objectOf(text);
    if (!item) return false;
    if (isPart(item)) this.#tell({ type: "part", source, text, parsed: partOf(item) });
    else this.#bring(source, item);
    return true;
  }

  #bring(source: number, item: Item): void {
    if (this.#busy || this.failed) return this.#run(() => this.#item(source, item));
    // As `run`, without a closure: this is what happens most.
    this.#busy = true;
    try {
      this.#item(source, item);
    } catch (error) {
      this.#recover(error);
    }
    this.#finish();
  }

  /** An item over a socket, or over the manager of minus `source`. */
  #item(source: number, item: Item): void {
    const handle = ++this.#lastItem;
    const code = this.#core.item(source, handle, item, this.#need);
    if (code > 0) {
      const listener = this.#sessions.get(code >> 6)?.listener;
      listener?.item((code % APPENDED) - 1, item);
      if (code & APPENDED) {
        // The list holds it from now on.
        const event: EventOutput = { type: "appended", body: item };
        listener?.event(event);
        this.#items.set(handle, event.kept ?? item);
      }
    } else if (code < 0) {
      shareTexts(item, this.#lastKept);
      this.#lastKept = item;
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
    const listener = session === undefined ? undefined : this.#sessions.get(session)?.listener;
    if (listener) listener.log(level, text);
    else log(level, {}, text);
  }

  /**
   * The core panicked. A new one goes on with its sessions, as after a lost connection; but the one that the core was
   * serving is broken, and calls of which nobody knows what has become end.
   */
  #recover(error: unknown): void {
    const now = performance.now();
    this.#faults = [...this.#faults.filter((at) => now - at < FAULTS_MS), now];
    if (this.#faults.length > MOST_FAULTS) return this.#fail(error);
    const served = this.#serving;
    this.#kept = this.#serving = undefined;
    this.#drop();
    try {
      this.#start(this.#source.load());
    } catch {
      return this.#fail(error);
    }
    if (!this.#network.online) this.#tell({ type: "network", on: false });
    for (const [session, begun] of this.#sessions) this.#goOn(session, begun, session === served);
    for (const [call, { session, what, told, off }] of [...this.#calls]) {
      const isOver = session === served || off || (told && !mayRepeat(what));
      if (isOver) this.#end({ type: "done", session, call, ...FAILED });
      else this.#tell({ ...what, session, call });
    }
    for (const { listener } of this.#sessions.values())
      listener.log(LogLevel.ERROR, `${FAILED.message}: ${String(error)}`);
  }

  /** Has a new core go on with a session. */
  #goOn(session: number, begun: Begun, isBroken: boolean): void {
    const { live, tracked, listener, token } = begun;
    this.#create(session, begun);
    listener.event({ type: "reset" });
    if (tracked) this.#tell({ type: "track", session });
    if (isBroken) {
      begun.live = false;
      listener.event({ type: "broken" });
    } else if (live && token) {
      // The socket of a manager is as it was.
      if (begun.options.foreign === undefined && !begun.lost) this.#event({ type: "lost", session });
      this.#tell({ type: "resume", session, token });
    }
  }

  /** The core cannot be replaced, or could not be loaded. Its sessions are broken; new ones get a new host. */
  #fail(error: unknown, why: Failure = FAILED): void {
    this.#why = why;
    this.close();
    for (const [call, { session }] of [...this.#calls]) this.#end({ type: "done", session, call, ...why });
    for (const { listener } of this.#sessions.values()) {
      listener.log(LogLevel.ERROR, `${FAILED.message}: ${String(error)}`);
      listener.event({ type: "broken" });
    }
  }

  /** Nothing of what the core has asked for is wanted any more. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#timerAt = this.#deadline = Infinity;
    this.#waiting.length = 0;
    for (const request of this.#requests.values()) request.abort();
    this.#requests.clear();
    this.#sockets.closeAll();
    this.#items.clear();
  }
}
