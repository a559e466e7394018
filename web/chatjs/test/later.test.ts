/** The tasks that callbacks run in, where there is no `setImmediate`, as in browsers. */
import { afterEach, describe, expect, test, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The scheduler of a place without these globals. */
async function laterWithout(...missing: string[]) {
  vi.resetModules();
  for (const name of missing) vi.stubGlobal(name, undefined);
  return (await import("../src/api/callbacks")).later;
}

describe.each([
  ["message channels", ["setImmediate"]],
  ["timers", ["setImmediate", "MessageChannel"]],
])("with %s", (_, missing) => {
  test("s115: tasks run later, one by one and in order", async () => {
    const later = await laterWithout(...missing);
    const order: string[] = [];
    await new Promise<void>((done) => {
      for (const name of ["a", "b"]) {
        later({
          run() {
            order.push(name);
            queueMicrotask(() => order.push(`after ${name}`));
          },
        });
      }
      // A task that is asked for in a task comes last.
      later({ run: () => later({ run: () => done() }) });
      queueMicrotask(() => order.push("microtask"));
      order.push("now");
    });
    expect(order).toEqual(["now", "microtask", "a", "after a", "b", "after b"]);
  });

  test("many tasks keep their order", async () => {
    const later = await laterWithout(...missing);
    const order: number[] = [];
    await new Promise<void>((done) => {
      for (let at = 0; at < 3_000; at++) later({ run: () => order.push(at) === 3_000 && done() });
    });
    expect(order).toEqual(Array.from({ length: 3_000 }, (_, at) => at));
  });
});
