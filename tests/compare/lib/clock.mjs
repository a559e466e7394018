// Time that passes only when a scenario lets it: timers, dates and tasks of a page.

/** When every scenario begins. */
export const START = Date.UTC(2026, 0, 5, 9, 0, 0);

/** Waits until everything that promises still do has been done. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

export class Clock {
  /** Milliseconds since the beginning. */
  now = 0;
  #timers = new Map();
  #lastId = 0;
  #afterTask;

  /** `afterTask` is called when a task is over and all that promises did in it. */
  constructor(afterTask) {
    this.#afterTask = afterTask;
  }

  wall() {
    return START + this.now;
  }

  /** Runs something after a time; the result stops it. */
  after(delay, run) {
    return this.#add(delay, run, undefined);
  }

  every(delay, run) {
    return this.#add(delay, run, Math.max(1, Number(delay) || 0));
  }

  stop(id) {
    this.#timers.delete(id);
  }

  #add(delay, run, every) {
    const id = ++this.#lastId;
    // As in browsers, what does not fit into 32 bits is due at once.
    const wait = Math.max(0, Number(delay) || 0);
    const at = this.now + (wait > 2 ** 31 - 1 ? 0 : wait);
    this.#timers.set(id, { id, at, run, every });
    return id;
  }

  /** Lets time pass: everything that is due runs at its time, in order, each in a task of its own. */
  async pass(ms) {
    const end = this.now + ms;
    await this.#settle();
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      this.now = Math.max(this.now, next.at);
      if (next.every === undefined) this.#timers.delete(next.id);
      else Object.assign(this.#move(next), { at: this.now + next.every });
      next.run();
      await this.#settle();
    }
    this.now = end;
  }

  async #settle() {
    await settled();
    this.#afterTask();
  }

  /** A repeated timer comes after the others of its time. */
  #move(timer) {
    this.#timers.delete(timer.id);
    this.#timers.set(timer.id, timer);
    return timer;
  }

  #next() {
    let first;
    for (const timer of this.#timers.values()) if (!first || timer.at < first.at) first = timer;
    return first;
  }
}
