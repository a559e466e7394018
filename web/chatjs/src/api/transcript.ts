/** The list that `onTranscriptUpdated` gives (docs/protocol/websocket.md S138 to S154). */
import type { Entry, EventOutput, Item, Step } from "../host/core";
import { shareTexts } from "../host/items";
import type { SessionType } from "./rules";

/**
 * An entry as applications know it: an item with its JSON text beside it, or a message that is being sent. In
 * Chatloom behaviour also one of `Type` `GAP`, for what is missing; `fillGap` takes its `Gap`.
 */
export type TranscriptItem = Readonly<Record<string, unknown>>;

/** What `onTranscriptUpdated` gives as `data` (S139). */
export interface TranscriptData {
  transcript: TranscriptItem[];
  /** Before any page was read `null`; when the latest was the first of the chat, none (S153). */
  previousTranscriptNextToken: string | null | undefined;
}

/** A state in the words of the original, which has none for what waits (S142 to S146). */
function statusOf(state: NonNullable<Entry["state"]>): string {
  return state === "queued" ? "SENDING" : state.toUpperCase();
}

/** The JSON text of an item is made when somebody looks at it: few do, and it is larger than the item. */
const SERIALIZED: PropertyDescriptor & ThisType<TranscriptItem> = {
  get() {
    return JSON.stringify(
      Object.fromEntries(
        Object.keys(this).flatMap((name) => (name === "serializedContent" ? [] : [[name, this[name]]])),
      ),
    );
  },
  enumerable: true,
  configurable: true,
};

/** Whether an item has been listed before. One that came with such a member has not. */
function isListed(item: Item): boolean {
  if (!("serializedContent" in item)) return false;
  return Object.getOwnPropertyDescriptor(item, "serializedContent")?.get === SERIALIZED.get;
}

/** The tracked transcript of one session. */
export class Transcript {
  readonly #role: SessionType;
  /** What has been told of this array stays true: it is added to, or another one takes its place. */
  #entries: TranscriptItem[] = [];
  /** What has no item yet, by its key: an entry may move, and keeps its id and its time. */
  readonly #unsent = new Map<number, TranscriptItem>();
  /** The latest item that was listed. */
  #last: Item = {};
  #previousNextToken: string | undefined;

  constructor(role: SessionType) {
    this.#role = role;
  }

  /** Does what the core says; gives what makes the list as it is now, which is the application's own. */
  update(steps: readonly Step[], previousNextToken: string | undefined): () => TranscriptData {
    this.#entries = this.#entries.slice();
    for (const step of steps) {
      if (step.type === "insert") this.#entries.splice(step.at, 0, this.#entry(step));
      else if (step.type === "replace") this.#entries[step.at] = this.#entry(step);
      else this.#entries.splice(step.at, 1);
    }
    if (steps.some(({ type }) => type === "remove")) {
      for (const [key, entry] of this.#unsent) if (!this.#entries.includes(entry)) this.#unsent.delete(key);
    }
    this.#previousNextToken = previousNextToken;
    return this.#data();
  }

  /** Puts an item behind all the others; the rest is as it was told last. */
  append(event: EventOutput & { type: "appended" }): () => TranscriptData {
    this.#entries.push((event.kept = this.#listed(event.body)));
    return this.#data();
  }

  /**
   * The list is copied when it is given, not when it has changed: of a burst of frames the copies would wait for
   * their turn together, and a collection meanwhile would have to copy each again.
   */
  #data(): () => TranscriptData {
    const entries = this.#entries;
    const count = entries.length;
    const token = this.#previousNextToken;
    return () => ({
      transcript: entries.slice(0, count),
      previousTranscriptNextToken: token === undefined ? null : token || undefined,
    });
  }

  #entry(entry: Entry): TranscriptItem {
    const { key, body, state } = entry;
    if (!body) {
      const before = this.#unsent.get(key);
      const made = entry.gap === undefined ? this.#outgoing(entry, before) : gapOf(entry.gap, before);
      this.#unsent.set(key, made);
      return made;
    }
    if (this.#unsent.size > 0) this.#unsent.delete(key);
    if (!state) return (entry.kept = this.#listed(body));
    // Of a message that somebody got or read the text is that of the item as it came (S146).
    const metadata = body["MessageMetadata"] as Item | undefined;
    return {
      ...body,
      serializedContent: isListed(body) ? body["serializedContent"] : JSON.stringify(body),
      MessageMetadata: { ...metadata, Status: statusOf(state) },
    };
  }

  /** An item as it is listed: a copy, for callbacks have been given the item itself (S128). */
  #listed(item: Item): Item {
    if (isListed(item)) return item;
    // To an object made by `{ ...item }` V8 adds an accessor for 400 bytes, to this one for none; but a member that
    // is called `__proto__` it would not take for one.
    const listed = Object.getOwnPropertyDescriptor(item, "__proto__") ? { ...item } : Object.assign({}, item);
    shareTexts(listed, this.#last);
    return (this.#last = Object.defineProperty(listed, "serializedContent", SERIALIZED));
  }

  /** A message that has no item yet (S142 to S144). */
  #outgoing(
    { id, contentType, content, state = "sending" }: Entry,
    before: TranscriptItem | undefined,
  ): TranscriptItem {
    const shown = id ?? before?.["Id"] ?? uuid();
    const failedAt = state === "failed" ? before?.["AbsoluteTime"] || new Date().toISOString() : "";
    return {
      Id: shown,
      ContentType: contentType,
      Content: content,
      Type: "MESSAGE",
      // The original says CUSTOMER for agents too (D16).
      ParticipantRole: this.#role,
      AbsoluteTime: failedAt,
      MessageMetadata: { MessageId: shown, Status: statusOf(state) },
    };
  }
}

function gapOf(gap: number, before: TranscriptItem | undefined): TranscriptItem {
  return before ?? { Id: uuid(), Type: "GAP", AbsoluteTime: "", Gap: gap };
}

/** A random name (RFC 9562, version 4), for an entry that has none of the service's. Nothing secret depends on it. */
function uuid(): string {
  const digit = () => Math.floor(Math.random() * 16);
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (place) =>
    (place === "x" ? digit() : (digit() & 3) | 8).toString(16),
  );
}
