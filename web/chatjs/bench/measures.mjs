// What is measured, and the bound of each figure: at most so many times the original's.
//
// A measure opens a page for each library, prepares it, and takes its figures in turns, so that both
// libraries have to bear the same of whatever else the machine does. `open` is done once for a page,
// `take` several times.

/** Messages a second that arrive when it is their cost that counts. */
const BRISK = 5_000;
/** And when it is their delay. */
const CALM = 500;
/** Entries of the transcript that is tracked. */
const ENTRIES = 3_000;

export const MEASURES = [
  {
    figures: { load: figure("load to usable", "ms", { Node: 0.5, Chromium: 0.5 }) },
    pages: 12,
    turns: 1,
    async open(at) {
      await at.begin();
    },
    take: async (at) => ({ load: await at.page.call("load", at.text) }),
  },
  {
    figures: {
      connected: figure("create to connected, first chat", "ms", { Node: 0.8, Chromium: 1 }),
      first: figure("create to first message, first chat", "ms", { Node: 0.8, Chromium: 1 }),
    },
    pages: 12,
    turns: 1,
    async open(at) {
      await at.load();
    },
    take: (at) => at.page.call("connect"),
  },
  {
    figures: {
      connectedAgain: figure("create to connected, later chats", "ms", { Node: 0.8, Chromium: 1 }),
      firstAgain: figure("create to first message, later chats", "ms", { Node: 0.8, Chromium: 1 }),
    },
    pages: 3,
    turns: 10,
    async open(at) {
      await at.load();
      await at.page.call("connect");
    },
    async take(at) {
      await at.begin();
      const { connected, first } = await at.page.call("connect");
      return { connectedAgain: connected, firstAgain: first };
    },
  },
  {
    figures: { frame: figure("CPU per incoming frame", "us", { Node: 0.8, Chromium: 0.8 }) },
    pages: 3,
    turns: 4,
    async open(at) {
      await at.connect();
      await at.deliver(4_000, BRISK);
    },
    async take(at) {
      const count = 5_000;
      return { frame: (await at.cpu(() => at.deliver(count, BRISK))) / count };
    },
  },
  {
    figures: {
      p50: figure("socket event to callback, p50", "ms", { Node: 0.5, Chromium: 0.5 }),
      p99: figure("socket event to callback, p99", "ms", { Node: 0.5, Chromium: 0.5 }),
    },
    pages: 2,
    turns: 5,
    async open(at) {
      await at.connect({ stamped: true });
      await at.deliver(500, CALM);
      await at.page.call("latencies");
    },
    async take(at) {
      await at.deliver(500, CALM);
      return at.page.call("latencies");
    },
  },
  {
    figures: {
      send: figure("CPU per sendMessage", "us", { Node: 0.45, Chromium: 0.7 }),
      trip: figure("round trip of sendMessage, p50", "ms", { Node: 0.45, Chromium: 0.7 }),
    },
    pages: 3,
    turns: 4,
    async open(at) {
      await at.connect();
      await at.page.call("send", 200);
    },
    async take(at) {
      const count = 200;
      let trip;
      const used = await at.cpu(async () => (trip = await at.page.call("send", count)));
      return { send: used / count, trip };
    },
  },
  {
    figures: {
      kept: { ...figure("heap kept per message", "B", { Node: 32, Chromium: 32 }), isDifference: true },
    },
    pages: 3,
    turns: 1,
    async open(at) {
      await at.connect();
      await at.deliver(2_000, BRISK);
    },
    async take(at) {
      const count = 10_000;
      return { kept: (await at.heap(() => at.deliver(count, BRISK))) / count };
    },
  },
  {
    figures: {
      entry: figure("heap kept per item, onTranscriptUpdated", "B", { Node: 0.6, Chromium: 0.6 }),
      tracked: figure(`CPU per frame, onTranscriptUpdated at ${ENTRIES} items`, "us", { Node: 0.5, Chromium: 0.5 }),
    },
    pages: 3,
    turns: 1,
    async open(at) {
      await at.connect({ tracked: true });
      await at.deliver(200, BRISK);
    },
    async take(at) {
      // As many before as after.
      const count = 2_000;
      const before = await at.page.call("entries");
      let tracked;
      const kept = await at.heap(async () => {
        await at.deliver(ENTRIES - count / 2 - before, BRISK);
        tracked = (await at.cpu(() => at.deliver(count, BRISK))) / count;
      });
      const entries = await at.page.call("entries");
      if (entries !== ENTRIES + count / 2) throw new Error(`the transcript has ${entries} entries`);
      return { entry: kept / (entries - before), tracked };
    },
  },
];

function figure(name, unit, bounds) {
  return { name, unit, bounds };
}

/** A library in a page. */
export class Bench {
  #service;
  #contact;

  constructor(page, text, service) {
    this.page = page;
    this.text = text;
    this.#service = service;
  }

  async begin() {
    this.#contact = await this.page.call("begin", this.#service.url);
  }

  async load() {
    await this.begin();
    await this.page.call("load", this.text);
  }

  async connect(options = {}) {
    await this.load();
    await this.page.call("connect", options);
  }

  /** Lets the service send so many messages, and waits until the last callback has run. */
  async deliver(count, rate) {
    await this.page.call("prepare", count);
    this.#service.deliver(this.#contact, count, rate);
    await this.page.call("arrived");
  }

  /** Microseconds of CPU that the page used for this. */
  cpu = (work) => this.#used("cpu", work);

  /** Bytes that the page kept of this. */
  heap = (work) => this.#used("heap", work);

  async #used(what, work) {
    const before = await this.page[what]();
    await work();
    return (await this.page[what]()) - before;
  }
}
