// What a scenario works with: a page that has loaded one of the libraries, and its sessions.
import { Clock } from "./clock.mjs";
import { Realm } from "./realm.mjs";
import { Service } from "./service.mjs";
import { Writer } from "./text.mjs";

/** The callbacks that a session has, in the order of the original's typings. */
export const CALLBACKS = [
  "onMessage",
  "onTyping",
  "onReadReceipt",
  "onDeliveredReceipt",
  "onConnectionBroken",
  "onConnectionEstablished",
  "onEnded",
  "onParticipantIdle",
  "onParticipantReturned",
  "onParticipantInvited",
  "onAutoDisconnection",
  "onConnectionLost",
  "onDeepHeartbeatSuccess",
  "onDeepHeartbeatFailure",
  "onAuthenticationInitiated",
  "onAuthenticationSuccessful",
  "onAuthenticationFailed",
  "onAuthenticationTimeout",
  "onAuthenticationExpired",
  "onAuthenticationCanceled",
  "onParticipantDisplayNameUpdated",
  "onChatRehydrated",
];

const HEARTBEAT = /sends {"topic":"aws\/(heartbeat|ping)"}$|onDeepHeartbeat(Success|Failure)\(/;

export const CONTACT = "contact";

export class Page {
  trace = [];
  clock = new Clock(() => this.#taskOver());
  writer = new Writer();
  service = new Service(this.clock, (line) => this.mark(line));
  /** What the library and the application did in the current task. */
  #sent = [];
  #seen = [];
  #sessions = 0;
  #script;

  /** `script` is a library's, compiled. */
  constructor(script, options = {}) {
    const { clock, service, writer } = this;
    this.realm = new Realm({
      clock,
      service,
      writer,
      record: (line) => this.record(line),
      sent: (line) => this.sent(line),
      mark: (line) => this.mark(line),
      ...options,
    });
    options.prepare?.(this.realm.global, this);
    this.#script = script;
    if (!options.unloaded) this.load();
  }

  /** Loads the script, once more if it is there. */
  load() {
    this.realm.run(this.#script);
  }

  get connect() {
    return this.realm.global.connect;
  }

  get ChatSession() {
    return this.connect.ChatSession;
  }

  /** Something that the application sees. */
  record(line) {
    this.#seen.push(line);
  }

  /** Something that the service sees. */
  sent(line) {
    this.#sent.push(line);
  }

  /** Something that the scenario does: what was there before stays before it. */
  mark(line) {
    this.#taskOver();
    this.trace.push(this.writer.mapped(line));
  }

  /**
   * Whether a request goes out before or after an application's promise in the same task, nobody can
   * tell: what was sent stands first.
   */
  #taskOver() {
    for (const line of [...this.#sent, ...this.#seen]) this.trace.push(this.writer.mapped(line));
    this.#sent = [];
    this.#seen = [];
  }

  /** Writes a value into the trace. */
  show(what, value) {
    this.record(`${what} is ${this.writer.value(value)}`);
  }

  /** Lets time pass. Between two such marks order counts, and not the moment. */
  async pass(ms) {
    await this.clock.pass(ms);
    this.mark(`-- ${ms} ms`);
  }

  /** Lets much time pass: what heartbeats do is left out, since it says nothing and goes on and on. */
  async passQuietly(ms) {
    const before = this.trace.length;
    await this.pass(ms);
    const lines = this.trace.splice(before);
    this.trace.push(...lines.filter((line) => !HEARTBEAT.test(line)));
  }

  /** The value of a promise that settles within a time. */
  async during(ms, promise) {
    let ended;
    promise.then(
      (value) => (ended = { value }),
      (error) => (ended = { error }),
    );
    await this.pass(ms);
    if (ended === undefined) throw new Error(`a promise has not settled within ${ms} ms`);
    if ("error" in ended) throw ended.error;
    return ended.value;
  }

  /** Does something that may throw, and gives its value. */
  attempt(what, run) {
    try {
      const value = run();
      if (typeof value?.then !== "function") {
        this.record(`${what} gives ${this.writer.value(value)}`);
        return value;
      }
      value.then(
        (result) => this.record(`${what} resolves with ${this.writer.value(result)}`),
        (error) => this.record(`${what} rejects with ${this.writer.value(error)}`),
      );
      return undefined;
    } catch (error) {
      this.record(`${what} throws ${this.writer.value(error)}`);
      return undefined;
    }
  }

  configure(config) {
    this.attempt("setGlobalConfig", () => this.ChatSession.setGlobalConfig(config));
  }

  /** A session with all callbacks recorded. */
  create({ chatDetails, ...args } = {}, { callbacks = CALLBACKS } = {}) {
    const session = this.ChatSession.create({
      chatDetails: chatDetails ?? {
        contactId: CONTACT,
        initialContactId: CONTACT,
        participantId: "participant",
        participantToken: "participant-token",
      },
      type: "CUSTOMER",
      disableCSM: true,
      ...args,
    });
    return new Chat(this, session, ++this.#sessions, callbacks);
  }

  /** A session whose socket is open and subscribed. */
  async connected(args, options) {
    const chat = this.create(args, options);
    chat.call("connect");
    await this.pass(100);
    return chat;
  }
}

/** A session in a scenario. */
export class Chat {
  #page;
  /** Put before what it says, if it is not the only one. */
  #mark;

  constructor(page, session, number, callbacks) {
    this.#page = page;
    this.session = session;
    this.#mark = number === 1 ? "" : `session ${number}: `;
    if (session.controller) for (const name of callbacks) this.listen(name);
  }

  /** Records what a callback gets. */
  listen(name) {
    return this.session[name]((...args) => this.record(`${name}(${this.#arguments(args)})`));
  }

  #arguments([payload, ...more]) {
    const { writer } = this.#page;
    const details = payload?.chatDetails;
    const now = this.session.getChatDetails();
    if (details && writer.value(details) === writer.value(now)) {
      payload = { ...payload, chatDetails: "as getChatDetails()" };
    }
    return [payload, ...more].map((arg) => (isBus(arg) ? "<bus>" : writer.value(arg))).join(", ");
  }

  record(line) {
    this.#page.record(`${this.#mark}${line}`);
  }

  /** Calls a method of the session and records how it ends. */
  call(method, ...args) {
    return this.#page.attempt(`${this.#mark}${method}`, () => this.session[method](...args));
  }
}

/** The third argument of callbacks: an object that can do what the original's event bus can. */
function isBus(value) {
  return typeof value === "object" && value !== null && typeof value.trigger === "function";
}
