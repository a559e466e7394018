/** The list that `onTranscriptUpdated` gives (docs/protocol/websocket.md S138 to S154). */
import type { Entry, Item, Step } from "../host/core";
import type { SessionType } from "./rules";

/**
 * An entry as applications know it: an item with its JSON text beside it, or a message that is being sent. In
 * Chatloom behaviour also one of `Type` `GAP`, for what is missing; `fillGap` takes its `Gap`.
 */
export type TranscriptItem = Readonly<Record<string, unknown>>;

/** What `onTranscriptUpdated` gives as `data` (S139). */
export interface TranscriptData {
  transcript: TranscriptItem[];
  previousTranscriptNextToken: string | null;
}

const STATES = {
  queued: "SENDING",
  sending: "SENDING",
  sent: "SENT",
  delivered: "DELIVERED",
  read: "READ",
  failed: "FAILED",
};

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

/** The tracked transcript of one session. */
export class Transcript {
  readonly #role: SessionType;
  /** Makes the ids of messages that have none yet differ from those of other sessions. */
  readonly #prefix: string;
  readonly #entries: TranscriptItem[] = [];

  constructor(role: SessionType, prefix: string) {
    this.#role = role;
    this.#prefix = prefix;
  }

  /** Does what the core says; gives the list, which is the application's own. */
  update(steps: readonly Step[], previousNextToken: string | undefined): TranscriptData {
    for (const step of steps) {
      if (step.type === "insert") this.#entries.splice(step.at, 0, this.#entry(step));
      else if (step.type === "replace") this.#entries[step.at] = this.#entry(step, this.#entries[step.at]);
      else this.#entries.splice(step.at, 1);
    }
    return { transcript: this.#entries.slice(), previousTranscriptNextToken: previousNextToken ?? null };
  }

  #entry(entry: Entry, before?: TranscriptItem): TranscriptItem {
    const { body, state, gap } = entry;
    if (gap !== undefined) return { Id: `${this.#prefix}-${entry.key}`, Type: "GAP", AbsoluteTime: "", Gap: gap };
    if (!body) return this.#outgoing(entry, before);
    if (!state) return Object.defineProperty({ ...body }, "serializedContent", SERIALIZED);
    // Of a message that somebody got or read the text is that of the item as it came (S146).
    const metadata = body["MessageMetadata"] as Item | undefined;
    return {
      ...body,
      serializedContent: JSON.stringify(body),
      MessageMetadata: { ...metadata, Status: STATES[state] },
    };
  }

  /** A message that has no item yet (S142 to S144). */
  #outgoing({ key, id, contentType, content, state = "sending" }: Entry, before?: TranscriptItem): TranscriptItem {
    const shown = id ?? `${this.#prefix}-${key}`;
    const failedAt = state === "failed" ? before?.["AbsoluteTime"] || new Date().toISOString() : "";
    return {
      Id: shown,
      ContentType: contentType,
      Content: content,
      Type: "MESSAGE",
      // The original says CUSTOMER for agents too (D16).
      ParticipantRole: this.#role,
      AbsoluteTime: failedAt,
      MessageMetadata: { MessageId: shown, Status: STATES[state] },
    };
  }
}
