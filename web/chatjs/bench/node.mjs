// Pages in Node: one process each.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("node-page.mjs", import.meta.url));

export class NodePages {
  name = "Node";
  version = process.version;

  async open() {
    const child = fork(PAGE, { execArgv: ["--expose-gc"] });
    await reply(child);
    return new NodePage(child);
  }

  async close() {}
}

class NodePage {
  #child;

  constructor(child) {
    this.#child = child;
  }

  call(name, ...args) {
    const answer = reply(this.#child);
    this.#child.send({ call: name, args });
    return answer;
  }

  cpu = () => this.call("cpu");
  heap = () => this.call("heap");

  async close() {
    const gone = once(this.#child, "exit");
    this.#child.disconnect();
    await gone;
  }
}

async function reply(child) {
  const gone = new AbortController();
  const exit = () => gone.abort(new Error("the page's process has ended"));
  child.once("exit", exit);
  try {
    const [{ value, error }] = await once(child, "message", { signal: gone.signal });
    if (error) throw new Error(`in the page: ${error}`);
    return value;
  } finally {
    child.off("exit", exit);
  }
}
