/** A chat session that behaves as Chatloom does: what it offers beside the API of the original. */
import type { Connection, Person } from "../../types/index";
import { CALLBACKS, eventOf, type Handler, type Handlers, type Subscribe } from "../api/callbacks";
import type { Settings } from "../api/config";
import { handlersOf } from "../api/controller";
import { log, LogLevel } from "../api/log";
import { callFailed, type ChatDetails, connectFailed, neverConnected, noConnection } from "../api/results";
import type { Participant, SessionType, WithMetadata } from "../api/rules";
import { addMethods, CustomerChatSession, METHODS } from "../api/session";
import { thrown } from "../host/core";
import { addition } from "./addition";
import type { ChatloomController } from "./controller";
import type { ChatloomOptions } from "./options";

/** The callbacks that the original does not have. */
const CHATLOOM_CALLBACKS = [
  "onConnectionState",
  "onMessageState",
  "onRosterUpdated",
  "onGap",
  "onGapClosed",
  "onCaughtUp",
] as const;

/** The methods that the original does not have. */
const CHATLOOM_METHODS = [
  "sendMessageReceipt",
  "resendMessage",
  "discardMessage",
  "fillGap",
  "loadOlder",
  "cleanUpOnParticipantDisconnect",
  "close",
] as const;

export interface ChatloomSession
  extends Subscribe<(typeof CHATLOOM_CALLBACKS)[number]>, Pick<ChatloomController, (typeof CHATLOOM_METHODS)[number]> {}

export class ChatloomSession extends CustomerChatSession {
  declare readonly controller: ChatloomController;

  /** What the connection is doing now; `onConnectionState` tells of each change. */
  getConnectionState(): Connection {
    return this.controller.connectionState;
  }

  /** Who is or was there, in the order in which they came; `onRosterUpdated` tells of each change. */
  getRoster(): readonly Person[] {
    return this.controller.roster;
  }
}

addMethods(ChatloomSession, CHATLOOM_METHODS, CHATLOOM_CALLBACKS, eventOf);

/** A new session. What is behind it is loaded, and what is asked before it is there waits. */
export function newSession(participant: Participant, settings: Settings, chatloom: ChatloomOptions): ChatloomSession {
  const waiting = new Waiting(participant, settings, chatloom);
  const session = new ChatloomSession(waiting as unknown as ChatloomController);
  waiting.there = (controller) => Object.assign(session, { controller });
  return session;
}

/** Stands behind a session until its controller is there, with what applications of the original look for in one. */
class Waiting {
  declare readonly initialContactId: string;
  declare readonly contactId: string;
  declare readonly participantId: string;
  declare readonly participantToken: string | undefined;
  readonly sessionType: SessionType;
  // What there is with a connection: none of it as yet.
  readonly connectionDetails = undefined;
  readonly connectionHelper = undefined;
  readonly connectionDetailsProvider = null;
  readonly connectionState: Connection = { state: "new" };
  readonly roster: readonly Person[] = [];
  readonly pubsub: Handlers;
  /** Hears of the controller. */
  there: ((controller: ChatloomController) => void) | undefined;
  readonly #load: () => Promise<ChatloomController>;
  #loading: Promise<ChatloomController> | undefined;

  constructor(participant: Participant, settings: Settings, chatloom: ChatloomOptions) {
    Object.assign(this, participant);
    this.sessionType = settings.sessionType;
    const callbacks = (this.pubsub = handlersOf(participant, settings));
    this.#load = async () => (await addition()).begin(participant, settings, chatloom, callbacks);
    void this.loaded();
  }

  /** The controller, with which the session goes on before anybody else has it; after a failure it is loaded again. */
  loaded(): Promise<ChatloomController> {
    if (this.#loading) return this.#loading;
    const loading = (this.#loading = this.#load());
    loading.then(
      (controller) => this.there?.(controller),
      (error: unknown) => {
        this.#loading = undefined;
        log(LogLevel.ERROR, this.pubsub.of, "Chatloom behaviour could not be loaded:", error);
        const payload = { data: {}, chatDetails: this.getChatDetails() };
        this.pubsub.triggerAsync(CALLBACKS.onConnectionBroken, payload);
      },
    );
    return loading;
  }

  /** Calls the controller when it is there. */
  async call(method: string, args: WithMetadata | undefined): Promise<unknown> {
    const metadata = args?.metadata || null;
    let controller: ChatloomController;
    try {
      controller = await this.loaded();
    } catch (error) {
      const cause = { error: "unreachable", message: `Chatloom behaviour could not be loaded: ${thrown(error)}` };
      throw method === "connect"
        ? connectFailed(noConnection(cause), metadata)
        : callFailed(method, cause, { metadata });
    }
    return controller[method as "connect"](args);
  }

  getChatDetails(): ChatDetails {
    const { initialContactId, contactId, participantId, participantToken, connectionDetails } = this;
    return { initialContactId, contactId, participantId, participantToken, connectionDetails };
  }

  subscribe(name: string, callback: Handler): () => void {
    return this.pubsub.subscribe(name, callback);
  }

  /** As of any session that has never been connected (S58). */
  getConnectionStatus(): never {
    throw neverConnected();
  }

  breakConnection(): void {
    this.close(undefined);
  }

  cleanUpOnParticipantDisconnect(): void {
    this.pubsub.unsubscribeAll();
  }

  close(args: { forget?: boolean } | undefined): void {
    this.pubsub.unsubscribeAll();
    // Otherwise the file did not come, and there is nothing to close.
    if (this.#loading) this.call("close", args as WithMetadata).catch(() => undefined);
  }
}

for (const method of [...METHODS, ...CHATLOOM_METHODS, "disconnectParticipant"]) {
  if (method in Waiting.prototype) continue;
  Object.assign(Waiting.prototype, {
    [method](this: Waiting, args: WithMetadata | undefined) {
      return this.call(method, args);
    },
  });
}
