/** When callbacks of the application run: each event's in a macrotask of their own, in order (docs/protocol/websocket.md S115). */

/** Something to do in a task of its own. */
export interface Task {
  run(): void;
}

/** How many of the next things that are to be done later the event has room for, and those. */
let room = 0;
const held: Task[] = [];

/**
 * Runs each task in a later macrotask of its own. `setTimeout` would do and costs more than all the
 * rest of an event; a promise would not do: what an application still does in the current task
 * would come after.
 */
export const later: (task: Task) => void = scheduler();

/**
 * Begins what an event of a socket asks for, with as many listeners to come that call `endEvent`. A
 * browser brings such an event in a macrotask of its own, with nothing of the application's under
 * way, and settles promises after each listener: so each may run a callback, and in Chromium another
 * task costs as much as all the rest. Events that scripts make up, such as those of Node's sockets,
 * may come several to a task or in the middle of anything, and are not trusted.
 */
export function beginEvent(event: { readonly isTrusted: boolean }, listeners: number): void {
  room = event.isTrusted ? listeners : 0;
}

/** Ends it: runs the next callback that the event is for. */
export function endEvent(): void {
  room = 0;
  held.shift()?.run();
}

function scheduler(): (task: Task) => void {
  const { setImmediate } = globalThis as { setImmediate?: (run: (task: Task) => void, task: Task) => void };
  if (typeof setImmediate === "function") return (task) => setImmediate(run, task);
  if (typeof MessageChannel !== "function") return (task) => setTimeout(run, 0, task);
  const waiting: Task[] = [];
  let next = 0;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const task = waiting[next++];
    if (next === waiting.length) {
      waiting.length = next = 0;
    } else if (next === 1024) {
      waiting.splice(0, next);
      next = 0;
    }
    task?.run();
  };
  return (task) => {
    if (held.length < room && waiting.length === 0) {
      held.push(task);
      return;
    }
    waiting.push(task);
    port2.postMessage(null);
  };
}

function run(task: Task): void {
  task.run();
}
