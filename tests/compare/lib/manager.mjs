// A socket manager as an application hands it to sessions of an agent: that of Streams, in short.

export class Manager {
  #page;
  #listeners = new Map();

  /** `options.closes` adds `closeWebSocket`, `options.deep` the callbacks of deep heartbeats. */
  constructor(page, { closes = false, deep = true } = {}) {
    this.#page = page;
    if (closes) this.closeWebSocket = () => page.sent("the manager is asked to close");
    if (!deep) this.onDeepHeartbeatSuccess = this.onDeepHeartbeatFailure = undefined;
  }

  subscribeTopics(topics) {
    this.#page.sent(`the manager is asked for ${JSON.stringify(topics)}`);
  }

  onMessage(topic, callback) {
    return this.#listen(`message ${topic}`, callback);
  }

  onConnectionGain(callback) {
    return this.#listen("gain", callback);
  }

  onConnectionLost(callback) {
    return this.#listen("lost", callback);
  }

  onInitFailure(callback) {
    return this.#listen("failure", callback);
  }

  onDeepHeartbeatSuccess(callback) {
    return this.#listen("deep success", callback);
  }

  onDeepHeartbeatFailure(callback) {
    return this.#listen("deep failure", callback);
  }

  #listen(what, callback) {
    this.#listeners.set(what, [...(this.#listeners.get(what) ?? []), callback]);
    return () => {
      const kept = this.#listeners.get(what).filter((other) => other !== callback);
      this.#listeners.set(what, kept);
    };
  }

  /** What happens to the socket of the application. */
  tell(what, details) {
    this.#page.mark(`the manager says ${what}`);
    for (const callback of this.#listeners.get(what) ?? []) callback(details);
  }

  item(item) {
    this.#page.mark(`the manager brings the item ${item.Id}`);
    const frame = {
      topic: "aws/chat",
      contentType: "application/json",
      content: JSON.stringify(item),
    };
    for (const callback of this.#listeners.get("message aws/chat") ?? []) callback(frame);
  }

  /** How many listen. */
  count(what) {
    return (this.#listeners.get(what) ?? []).length;
  }
}
