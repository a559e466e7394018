// What happens inside a page, in Chromium or in Node: `bench`, which the benchmark calls from
// outside. A classic script, so that the same text runs in both.
globalThis.bench = (() => {
  let endpoint;
  let details;
  let session;
  /** Messages so far, the number that is waited for, and who waits. */
  let received = 0;
  let wanted = Infinity;
  let reached;
  /** What `onTranscriptUpdated` gave last. */
  let transcript;
  /** When the socket said so, and when the callback ran, for each message. */
  let stamps;

  /** The memories of wasm, which a browser does not count as kept. */
  const memories = [];
  globalThis.WebAssembly.Instance = class extends WebAssembly.Instance {
    constructor(...args) {
      super(...args);
      if (this.exports.memory) memories.push(this.exports.memory);
    }
  };

  const page = {
    /** Asks for a chat, as the page of a shop does before it shows one. */
    async begin(url) {
      endpoint = url;
      details = await (await fetch(`${url}/start-chat`, { method: "POST", body: "{}" })).json();
      return details.ContactId;
    },

    /** Runs a library and makes its first session; gives the milliseconds that took. */
    load(text) {
      const begin = performance.now();
      runScript(text);
      create();
      return performance.now() - begin;
    },

    /** From `create` to the connection and to the first message, in milliseconds. */
    async connect(options = {}) {
      if (options.stamped) stampFrames();
      const begin = performance.now();
      create();
      const first = page.expect(1);
      if (options.tracked) session.onTranscriptUpdated(({ data }) => (transcript = data.transcript));
      await session.connect();
      const connected = performance.now() - begin;
      await first;
      return { connected, first: performance.now() - begin };
    },

    /** Sends messages, one after the other; gives the median of their round trips in milliseconds. */
    async send(count) {
      const trips = [];
      for (let at = 0; at < count; at++) {
        const begin = performance.now();
        const { data } = await session.sendMessage({ message: `Message number ${at}`, contentType: "text/plain" });
        if (!data.Id) throw new Error("the message was not sent");
        trips.push(performance.now() - begin);
      }
      return quantile(trips, 0.5);
    },

    /** Prepares for so many messages more; then `arrived` waits for them. */
    prepare(count) {
      const all = page.expect(count);
      // Not returned: nobody outside shall wait for it yet.
      page.arrived = () => all;
    },

    expect(count) {
      wanted = received + count;
      return new Promise((resolve) => (reached = resolve));
    },

    /** Milliseconds from the socket to the callback, of the messages since the last time. */
    latencies() {
      const all = stamps.called.map((at, index) => at - stamps.socket[index]);
      if (all.length !== stamps.socket.length) throw new Error("messages were lost");
      stamps.socket.length = stamps.called.length = 0;
      return { p50: quantile(all, 0.5), p99: quantile(all, 0.99) };
    },

    /** Bytes of the memories of wasm. */
    wasm: () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0),

    /** How many entries the tracked transcript has. */
    entries: () => transcript.length,
  };

  function create() {
    connect.ChatSession.setGlobalConfig({ endpoint });
    // The original's telemetry is switched off, as its documentation says: only its core is compared.
    session = connect.ChatSession.create({ chatDetails: details, type: "CUSTOMER", disableCSM: true });
    session.onMessage(({ data }) => {
      if (typeof data.Content !== "string") return;
      stamps?.called.push(performance.now());
      if (++received === wanted) reached();
    });
  }

  /** From now on sockets note when a message arrives, before the library hears of it. */
  function stampFrames() {
    stamps = { socket: [], called: [] };
    globalThis.WebSocket = class extends WebSocket {
      constructor(url) {
        super(url);
        this.addEventListener("message", ({ data }) => {
          if (data.endsWith('"aws/chat"}')) stamps.socket.push(performance.now());
        });
      }
    };
  }

  function quantile(samples, part) {
    const sorted = Float64Array.from(samples).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  }

  function runScript(text) {
    if (globalThis.runInNode) return globalThis.runInNode(text);
    const script = document.createElement("script");
    script.textContent = text;
    document.head.append(script);
  }

  return page;
})();
