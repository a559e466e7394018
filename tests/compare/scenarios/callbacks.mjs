// How callbacks are asked for and called.
import { ended, message } from "../lib/items.mjs";
import { CALLBACKS } from "../lib/page.mjs";

export default function define(scenario) {
  for (const name of [...CALLBACKS, "onTranscriptUpdated"]) {
    scenario(`${name} without a callback`, (page) => {
      const chat = page.create({}, { callbacks: [] });
      chat.call(name);
      chat.call(name, null);
      chat.call(name, "text");
      chat.call(name, {});
    });
  }

  scenario("onMessage gives something", { differs: ["D10"] }, (page) => {
    page.create({}, { callbacks: [] }).call("onMessage", () => undefined);
  });

  scenario("callbacks run in the order in which they were given", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    for (const number of [1, 2, 3]) chat.session.onMessage(() => page.record(`callback ${number}`));
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("the same callback twice", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    const callback = () => page.record("called");
    chat.session.onMessage(callback);
    chat.session.onMessage(callback);
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("what a callback throws disturbs nobody", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onMessage(() => {
      throw page.realm.error("Error", "mine");
    });
    chat.listen("onMessage");
    page.service.item(message(1));
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("what a callback throws is logged", { differs: ["D10"] }, async (page) => {
    const lines = [];
    const write = (line) => lines.push(line);
    page.configure({
      loggerConfig: {
        customizedLogger: { debug: write, info: write, warn: write, error: write },
        advancedLogWriter: "warn",
      },
    });
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onMessage(() => {
      throw page.realm.error("Error", "mine");
    });
    page.service.item(message(1));
    await page.pass(100);
    page.show(
      "logged",
      lines.some((line) => line.includes("mine")),
    );
  });

  scenario("a callback that is given while others run", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onMessage(() => chat.listen("onMessage"));
    page.service.item(message(1));
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("a callback that comes late misses what was", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    page.service.item(message(1));
    await page.pass(100);
    chat.listen("onMessage");
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("a callback that is given in the task of the item", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    page.service.item(message(1));
    chat.listen("onMessage");
    await page.pass(100);
  });

  scenario("a promise that a callback gives", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onMessage(async () => page.record("called"));
    chat.listen("onMessage");
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("callbacks run in a task of their own", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onMessage(({ data }) => {
      page.record(`onMessage ${data.Id}`);
      Promise.resolve().then(() => page.record(`a promise of ${data.Id}`));
    });
    page.service.item(message(1));
    page.record("the socket's event is over");
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("a callback calls methods", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onMessage(({ data }) => {
      if (data.Id === "item-1")
        chat.call("sendMessage", { message: "answer", contentType: "text/plain" });
    });
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("in onEnded calls are still possible", { differs: ["L21"] }, async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    chat.session.onEnded(() =>
      chat.call("sendMessage", { message: "bye", contentType: "text/plain" }),
    );
    page.service.item(ended());
    await page.pass(100);
    chat.call("sendMessage", { message: "late", contentType: "text/plain" });
    await page.pass(100);
  });

  scenario("a callback that is given after the end", { differs: ["D10"] }, async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    page.service.item(ended());
    await page.pass(100);
    chat.call("onMessage", () => page.record("called"));
    await page.pass(100);
  });
}
