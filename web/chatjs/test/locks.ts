/** The lock manager of a browser, as far as exclusive locks go. */

interface Wish {
  grant(lock: object | null): unknown;
  done(value: unknown): void;
  fail(error: Error): void;
}

interface Options {
  ifAvailable?: boolean;
  steal?: boolean;
  signal?: AbortSignal;
}

/** Those who have and wish for one name. */
class Queue {
  held: Wish | undefined;
  wishes: Wish[] = [];

  next(): void {
    if (this.held) return;
    const wish = this.wishes.shift();
    if (!wish) return;
    this.held = wish;
    queueMicrotask(() => {
      void Promise.resolve(wish.grant({})).then((value) => {
        wish.done(value);
        if (this.held !== wish) return;
        this.held = undefined;
        this.next();
      });
    });
  }
}

export class Locks {
  readonly #queues = new Map<string, Queue>();

  request(name: string, options: Options, grant: Wish["grant"]): Promise<unknown> {
    const queue = this.#queues.get(name) ?? new Queue();
    this.#queues.set(name, queue);
    return new Promise((done, fail) => {
      const wish = { grant, done, fail };
      if (options.ifAvailable && (queue.held ?? queue.wishes.length > 0)) return done(grant(null));
      if (options.steal) {
        queue.held?.fail(new DOMException("stolen", "AbortError"));
        queue.held = undefined;
        queue.wishes.unshift(wish);
      } else {
        queue.wishes.push(wish);
        options.signal?.addEventListener("abort", () => {
          if (!queue.wishes.includes(wish)) return;
          queue.wishes = queue.wishes.filter((other) => other !== wish);
          fail(new DOMException("no longer", "AbortError"));
        });
      }
      queue.next();
    });
  }
}
