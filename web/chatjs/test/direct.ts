/** Sessions on the host itself, without the API before it. */
import type { Call, EventOutput, Item, SessionOptions } from "../src/host/core";
import { type Also, Host, host, type Listener, type Means } from "../src/host/host";
import type { ConnectionDetails } from "../types/index";
import { type Chat, newChat, type Service } from "./service";

/** A session and what its host tells it. */
export interface Direct extends Listener {
  readonly chat: Chat;
  readonly items: { kind: number; item: Item }[];
  readonly events: EventOutput[];
  readonly connections: (ConnectionDetails | undefined)[];
  call(what: Call, also?: Also): ReturnType<ReturnType<typeof host>["call"]>;
  track(): void;
  forget(): void;
  /** Waits for the next item or event. */
  next(): Promise<void>;
}

export function begin(service: Service, means: Means = {}, agent = false, chat = newChat()): Direct {
  return beginOn(host(), service, agent ? { agent } : {}, means, chat);
}

/** The same on a host of its own. */
export function beginOn(
  on: Host,
  service: Service,
  given: Partial<SessionOptions> = {},
  means: Means = {},
  chat = newChat(),
): Direct {
  let happened: (() => void)[] = [];
  const happens = () => {
    for (const resolve of happened) resolve();
    happened = [];
  };
  const direct: Direct = {
    chat,
    items: [],
    events: [],
    connections: [],
    means,
    item(kind, item) {
      direct.items.push({ kind, item });
      happens();
    },
    event(event) {
      direct.events.push(event);
      happens();
    },
    connection: (details) => direct.connections.push(details),
    log() {},
    call: (what, also) => on.call(session, what, also),
    track: () => on.track(session),
    forget: () => on.forget(session),
    next: () => new Promise((resolve) => happened.push(resolve)),
  };
  const options = { endpoint: service.endpoint, userAgent: "test", initialContactId: chat.contactId, ...chat };
  const session = on.create({ ...options, ...given }, direct);
  return direct;
}

/** The names of the events. */
export function names({ events }: Direct): string[] {
  return events.map((event) =>
    event.type === "established" ? (event.bySocket ? "established" : "connected") : event.type,
  );
}
