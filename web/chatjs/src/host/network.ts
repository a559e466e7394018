/** Whether there is a network: as the application says, where it does (S32), else as the browser does. */
import { isNetworkOnline } from "../api/config";

/** How long after an answer the application is asked again: it does not tell by itself. */
const POLL_MS = 1_000;

export class Network {
  /** What was said last. */
  online = true;
  readonly #say: (on: boolean) => void;
  readonly #isWanted: () => boolean;
  readonly #stop: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;

  /** `say` hears of each change, until `signal` stops all of it. The application is asked as long as somebody wants to know. */
  constructor(say: (on: boolean) => void, isWanted: () => boolean, signal: AbortSignal) {
    this.#say = say;
    this.#isWanted = isWanted;
    this.#stop = signal;
    if (typeof addEventListener === "function") {
      addEventListener("online", () => this.#changed(true), { signal });
      addEventListener("offline", () => this.#changed(false), { signal });
    }
    this.#changed(typeof navigator !== "object" || navigator.onLine !== false);
  }

  /** Asks the application, if it answers; what it says at once is said at once. */
  ask(): void {
    if (isNetworkOnline === undefined || this.#asking || this.#stop.aborted) return;
    clearTimeout(this.#timer);
    this.#asking = true;
    // Who fails to say has said nothing new.
    const failed = () => this.#answered(this.online);
    try {
      const answer = isNetworkOnline();
      if (isPromise(answer)) answer.then((on) => this.#answered(Boolean(on)), failed);
      else this.#answered(Boolean(answer));
    } catch {
      failed();
    }
  }

  #answered(on: boolean): void {
    this.#asking = false;
    this.#hear(on);
    if (this.#stop.aborted || !this.#isWanted()) return;
    this.#timer = setTimeout(() => this.ask(), POLL_MS);
    // A program in Node is not kept alive by the question.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** The browser says so; an application that is asked knows better. */
  #changed(on: boolean): void {
    if (isNetworkOnline) this.ask();
    else this.#hear(on);
  }

  #hear(on: boolean): void {
    if (on === this.online || this.#stop.aborted) return;
    this.online = on;
    this.#say(on);
  }
}

/** The original takes a promise for a yes (S32). It may be one of another window. */
function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as PromiseLike<unknown> | undefined)?.then === "function";
}
