/**
 * What an application has been given. When a core fails that kept nothing, another one brings the whole transcript
 * once more, in order; making snapshots for this alone would cost more than all the rest.
 */
import type { Item } from "../host/core";

/** The kinds of items that are only of the moment, and in no transcript: from typing to being disconnected. */
const TRANSIENT = [1, 6] as const;

export class Given {
  /** The newest item that was given, and the one when a core began anew. */
  #newest: Item | undefined;
  #had: Item | undefined;

  /** Whether an item is to be given; then it counts as given. */
  isNew(kind: number, item: Item): boolean {
    if (!item["Id"] || (kind >= TRANSIENT[0] && kind <= TRANSIENT[1])) return true;
    // A part of a streamed message is only of the moment as well.
    if ((item["MessageMetadata"] as Item | undefined)?.["MessageCompleted"] === false) return true;
    if (this.#had && !isNewer(item, this.#had)) return false;
    if (!this.#newest || isNewer(item, this.#newest)) this.#newest = item;
    return true;
  }

  /** Everything comes again. */
  again(): void {
    this.#had = this.#newest;
  }
}

/** The order of a transcript (docs/protocol/defects.md D7). */
function isNewer(item: Item, than: Item): boolean {
  const place = ({ AbsoluteTime, Id }: Item) => `${String(AbsoluteTime)} ${String(Id)}`;
  return place(item) > place(than);
}
