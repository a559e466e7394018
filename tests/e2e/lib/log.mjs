// Things that happen, in their order, and a way to wait for one of them.

/** How long anything may take. Far more than it needs: a wait ends when the thing happens. */
export const PATIENCE_MS = 30_000;

export class Log {
  #name;
  #entries = [];
  #waiters = new Set();
  #closed;

  /** @param {string} name what this is the log of, for messages */
  constructor(name) {
    this.#name = name;
  }

  get entries() {
    return this.#entries;
  }

  get length() {
    return this.#entries.length;
  }

  push(entry) {
    this.#entries.push(entry);
    for (const waiter of [...this.#waiters]) waiter(entry);
  }

  /** Calls `see` with every entry from now on. */
  watch(see) {
    this.#waiters.add((entry) => entry !== undefined && see(entry));
  }

  /** Nothing will be added: whoever waits fails now. */
  close(reason) {
    this.#closed ??= reason;
    for (const waiter of [...this.#waiters]) waiter();
  }

  /**
   * The first entry at or after `from` that matches, now or later.
   *
   * @param {string} what what is waited for, for messages
   * @param {(entry: any) => unknown} matches
   */
  async find(what, matches, { from = 0, ms = PATIENCE_MS } = {}) {
    const found = this.#entries.slice(from).find(matches);
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        settle(value);
      };
      const fail = (why) => {
        const last = this.#entries.slice(-8).map((entry) => `\n  ${JSON.stringify(entry)}`);
        finish(reject, new Error(`${this.#name}: no ${what}: ${why}; last seen:${last.join("")}`));
      };
      const waiter = (entry) => {
        if (entry !== undefined && matches(entry)) finish(resolve, entry);
        else if (this.#closed !== undefined) fail(this.#closed);
      };
      const timer = setTimeout(() => fail(`not within ${ms} ms`), ms);
      this.#waiters.add(waiter);
      if (this.#closed !== undefined) fail(this.#closed);
    });
  }

  /** Waits until `count` entries match; gives all that do. */
  async findAll(what, count, matches) {
    let seen = 0;
    await this.find(`${count} times ${what}`, (entry) => matches(entry) && ++seen === count);
    return this.#entries.filter(matches);
  }
}
