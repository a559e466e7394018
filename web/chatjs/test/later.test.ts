/** The tasks that callbacks run in, where there is no `setImmediate`, as in browsers. */
import { afterEach, describe, expect, test, vi } from "vitest";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The scheduler of a place without these globals. */
async function tasksWithout(...missing: string[]) {
  vi.resetModules();
  for (const name of missing) vi.stubGlobal(name, undefined);
  return import("../src/host/tasks");
}

describe.each([
  ["message channels", ["setImmediate"]],
  ["timers", ["setImmediate", "MessageChannel"]],
])("with %s", (_, missing) => {
  test("s115: tasks run later, one by one and in order", async () => {
    const { later } = await tasksWithout(...missing);
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
    const { later } = await tasksWithout(...missing);
    const order: number[] = [];
    await new Promise<void>((done) => {
      for (let at = 0; at < 3_000; at++) later({ run: () => order.push(at) === 3_000 && done() });
    });
    expect(order).toEqual(Array.from({ length: 3_000 }, (_, at) => at));
  });
});

describe("what an event of a socket asks for", () => {
  test("s115: in a browser its first callback has the event's own task, others have later ones", async () => {
    const { later, beginEvent, endEvent } = await tasksWithout("setImmediate");
    const order: string[] = [];
    beginEvent({ isTrusted: true }, 1);
    for (const name of ["a", "b"]) later({ run: () => order.push(name) });
    order.push("event");
    endEvent();
    order.push("after");
    await new Promise<void>((run) => later({ run }));
    expect(order).toEqual(["event", "a", "after", "b"]);
  });

  test("s115: each listener runs one, and what is too many for them comes later", async () => {
    const { later, beginEvent, endEvent } = await tasksWithout("setImmediate");
    const order: string[] = [];
    beginEvent({ isTrusted: true }, 2);
    for (const name of ["a", "b", "c"]) later({ run: () => order.push(name) });
    endEvent();
    order.push("between");
    endEvent();
    order.push("after");
    await new Promise<void>((run) => later({ run }));
    expect(order).toEqual(["a", "between", "b", "after", "c"]);
  });

  test("what a callback asks for comes later, and so does all outside events", async () => {
    const { later, beginEvent, endEvent } = await tasksWithout("setImmediate");
    const order: string[] = [];
    beginEvent({ isTrusted: true }, 1);
    later({ run: () => (later({ run: () => order.push("asked") }), order.push("callback")) });
    endEvent();
    later({ run: () => order.push("outside") });
    beginEvent({ isTrusted: true }, 1);
    endEvent();
    order.push("now");
    await new Promise<void>((run) => later({ run }));
    expect(order).toEqual(["callback", "now", "asked", "outside"]);
  });

  test("it does not overtake what waits", async () => {
    const { later, beginEvent, endEvent } = await tasksWithout("setImmediate");
    const order: string[] = [];
    later({ run: () => order.push("before") });
    beginEvent({ isTrusted: true }, 1);
    later({ run: () => order.push("event") });
    endEvent();
    order.push("now");
    await new Promise<void>((run) => later({ run }));
    expect(order).toEqual(["now", "before", "event"]);
  });

  test.each([
    ["that a script made up", false, ["setImmediate"]],
    ["without message channels", true, ["setImmediate", "MessageChannel"]],
    ["in Node", true, []],
  ])("%s it comes later", async (_, isTrusted, missing) => {
    const { later, beginEvent, endEvent } = await tasksWithout(...missing);
    const order: string[] = [];
    beginEvent({ isTrusted }, 2);
    later({ run: () => order.push("callback") });
    endEvent();
    order.push("now");
    await new Promise<void>((run) => later({ run }));
    expect(order).toEqual(["now", "callback"]);
  });
});
