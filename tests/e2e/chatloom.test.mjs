// Chatloom behaviour in Chromium: a chat goes on when its page is loaded again, in every tab, and over every
// cut of the network; nothing is lost and nothing is there twice.

import assert from "node:assert/strict";

import { classic } from "./lib/libraries.mjs";
import { picture } from "./lib/picture.mjs";
import { openTab } from "./lib/site.mjs";
import { event, scenario } from "./lib/stage.mjs";
import { openWire } from "./lib/wire.mjs";

const is = (kind) => (entry) => entry.told === kind;
const says = (text) => (entry) => entry.told === "item" && entry.item.Content === text;

/** The texts that a page was given, in order. */
const texts = (told, from = 0) =>
  told.entries
    .slice(from)
    .filter(is("item"))
    .map(({ item }) => item)
    .filter(({ Type }) => Type === "MESSAGE");

/** A chat with an agent, over a cable, in a page that keeps it. */
async function chat(stage, options) {
  const server = await stage.server();
  const wire = await openWire(stage, server.url);
  const agent = stage.agent(server);
  const tab = await openTab(stage, wire, classic, options);
  assert.equal(await tab.page.evaluate(() => begin("Jane")), false, "nothing was kept");
  await tab.told.find("greeting", ({ item }) => item?.ParticipantRole === "SYSTEM");
  await write(tab, "an agent, please");
  await agent.events.find("its place in the chat", ({ type }) => type === "caughtUp");
  await tell(agent, "Hello Jane");
  await tab.told.find("an answer", says("Hello Jane"));
  return { server, wire, agent, tab };
}

/** In a page: whether no chat is kept, in its session or in its database. */
async function nothingIsKept() {
  if (Object.keys(sessionStorage).some((key) => key.startsWith("chatloom/"))) return false;
  const databases = await indexedDB.databases();
  if (!databases.some(({ name }) => name === "chatloom")) return true;
  const settled = (request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const database = await settled(indexedDB.open("chatloom"));
  const count = await settled(database.transaction("chats").objectStore("chats").count());
  database.close();
  return count === 0;
}

/** Writes into the page's field as a person does. */
async function write({ page }, text) {
  await page.getByLabel("Your message").fill(text);
  await page.keyboard.press("Enter");
}

/** The agent says something, which is stored. */
async function tell(agent, text) {
  agent.do({ send: text });
  await agent.events.find(`its "${text}"`, ({ content, own }) => content === text && own);
}

/** What the agent has heard of the customer, in order. */
const heard = (agent) =>
  agent
    .texts()
    .filter(({ role }) => role === "CUSTOMER")
    .map(({ content }) => content);

/** All pages were given the same items in the same order, none twice, and all that are stored. */
async function same(tabs, since = "") {
  const stored = await tabs[0].page.evaluate(async () => {
    const items = [];
    let nextToken;
    do {
      const { data } = await session.getTranscript({ maxResults: 100, nextToken });
      items.unshift(...data.Transcript);
      nextToken = data.NextToken;
    } while (nextToken);
    return items.filter(({ Type }) => Type === "MESSAGE").map(({ Id, Content }) => [Id, Content]);
  });
  const start = stored.findIndex(([, content]) => content === since);
  assert.ok(start >= 0, `"${since}" is stored`);
  for (const { told } of tabs) {
    const given = texts(told).map(({ Id, Content }) => [Id, Content]);
    const from = given.findIndex(([, content]) => content === since);
    assert.deepEqual(
      given.slice(from),
      stored.slice(start),
      `tab ${tabs.findIndex((tab) => tab.told === told)} was given what is stored, in order, once`,
    );
  }
}

for (const storage of ["session", "indexeddb"]) {
  scenario(`a chat kept in ${storage} goes on when the page is loaded again`, async (stage) => {
    const { wire, agent, tab } = await chat(stage, { storage });
    wire.cut();
    await tab.told.find("the loss", is("lost"));
    await write(tab, "words that wait");
    await write(tab, "and more of them");
    await tab.told.findAll("a message that waits", 3, is("message"));
    for (let number = 1; number <= 5; number += 1) await tell(agent, `missed ${number}`);

    const from = tab.told.length;
    await tab.page.reload();
    wire.mend();
    assert.equal(await tab.page.evaluate(() => begin("Jane")), true, "the chat was kept");
    await agent.hears("and more of them");
    await tell(agent, "and live");
    await tab.told.find("what is live", says("and live"), { from });
    assert.deepEqual(
      texts(tab.told, from).map(({ Content }) => Content),
      [
        ...[1, 2, 3, 4, 5].map((number) => `missed ${number}`),
        "words that wait",
        "and more of them",
        "and live",
      ],
      "what was missed, each once and in order",
    );
    assert.deepEqual(heard(agent), ["an agent, please", "words that wait", "and more of them"]);
    await same([tab], "Hello Jane");

    // When the chat is over nothing is kept: the next page begins another one.
    agent.do({ disconnect: true });
    await tab.told.find("the end", is("ended"), { from });
    await tab.page.waitForFunction(nothingIsKept);
    await tab.page.reload();
    assert.equal(await tab.page.evaluate(() => begin("Jane")), false);
  });
}

scenario(
  "two tabs share a socket, and the second takes over when the first goes",
  async (stage) => {
    const options = { storage: "indexeddb", tabs: true };
    const { agent, tab: first, wire } = await chat(stage, options);
    const second = await first.openAnother();
    assert.equal(await second.page.evaluate(() => begin("Jane")), true, "it goes on with the chat");
    await second.told.find("what was said before", says("Hello Jane"));
    assert.deepEqual([first.sockets.length, second.sockets.length], [1, 0]);

    await write(first, "from the first tab");
    await write(second, "from the second tab");
    await tell(agent, "to both");
    for (const { told } of [first, second])
      await told.find("what is said to both", says("to both"));
    await same([first, second], "Hello Jane");
    await picture(second.page, "tabs");

    // The first tab goes while the agent writes.
    const talking = (async () => {
      for (let number = 1; number <= 20; number += 1) await tell(agent, `meanwhile ${number}`);
    })();
    await second.told.find("some of it", says("meanwhile 5"));
    await first.page.close({ runBeforeUnload: false });
    await talking;
    await write(second, "still here");
    await agent.hears("still here");
    await second.told.find("its echo", says("still here"));
    assert.equal(second.sockets.length, 1);
    await same([second], "Hello Jane");

    // A third one comes and goes on where the first has left; the network goes and comes back; and one of them is
    // loaded again.
    const third = await second.openAnother();
    assert.equal(await third.page.evaluate(() => begin("Jane")), true);
    await third.told.find("what was said before", says("still here"));
    wire.cut();
    for (const { told } of [second, third]) await told.find("the loss", is("lost"));
    await tell(agent, "while nobody hears");
    await write(third, "while nobody listens");
    wire.mend();
    for (const { told } of [second, third]) {
      await told.find("what was missed", says("while nobody hears"));
      await told.find("what waited", says("while nobody listens"));
    }
    await agent.hears("while nobody listens");
    await same([second], "Hello Jane");
    await same([third], "still here");
    assert.deepEqual(heard(agent).slice(1).sort(), [
      "from the first tab",
      "from the second tab",
      "still here",
      "while nobody listens",
    ]);
    const from = second.told.length;
    await second.page.reload();
    assert.equal(await second.page.evaluate(() => begin("Jane")), true);
    await second.told.find("the connection", is("caughtUp"), { from });
    await tell(agent, "welcome back");
    for (const { told } of [second, third]) await told.find("a welcome", says("welcome back"));
    assert.deepEqual(
      texts(second.told, from).map(({ Content }) => Content),
      ["welcome back"],
      "what it had is not given again",
    );

    agent.do({ disconnect: true });
    for (const { told } of [second, third]) await told.find("the end", is("ended"));
  },
);

scenario("a server that dies loses nothing that was written in two tabs", async (stage) => {
  const { server, agent, tab: first } = await chat(stage, { storage: "indexeddb", tabs: true });
  const second = await first.openAnother();
  await second.page.evaluate(() => begin("Jane"));
  await second.told.find("what was said before", says("Hello Jane"));
  const orders = (tab, name) =>
    tab.page.evaluate((name) => {
      for (let number = 1; number <= 40; number += 1) send(`${name} ${number}`);
    }, name);
  await Promise.all([orders(first, "one"), orders(second, "two")]);
  await agent.hears("one 5");
  await server.kill();
  await server.start();
  await Promise.all([agent.hears("one 40"), agent.hears("two 40")]);
  for (const { told } of [first, second]) {
    await told.find("the last of the first", says("one 40"));
    await told.find("the last of the second", says("two 40"));
  }
  await same([first, second], "Hello Jane");
  for (const name of ["one", "two"]) {
    const numbers = heard(agent)
      .filter((text) => text.startsWith(`${name} `))
      .map((text) => Number(text.split(" ")[1]));
    assert.deepEqual(
      numbers,
      Array.from({ length: 40 }, (_, index) => index + 1),
      "each once, in order",
    );
  }
});

scenario("a page sees who is there, and how far its file is", async (stage) => {
  const { agent, tab } = await chat(stage, { storage: "session" });
  const roster = await tab.page.evaluate(() => session.getRoster());
  assert.deepEqual(roster.map(({ role, presence }) => [role, presence]).sort(), [
    ["AGENT", "here"],
    ["CUSTOMER", "here"],
  ]);
  await tab.page.getByLabel("A file").setInputFiles({
    name: "invoice.txt",
    mimeType: "text/plain",
    buffer: Buffer.alloc(300_000, "x"),
  });
  await tab.told.find("the upload", is("uploaded"));
  const sent = await agent.events.find("the file", ({ type }) => type === "attachment");
  assert.deepEqual(
    sent.attachments.map(({ name, status }) => [name, status]),
    [["invoice.txt", "APPROVED"]],
  );
  const progress = tab.told.entries.filter(is("progress"));
  assert.deepEqual(progress.at(-1), { told: "progress", sent: 300_000, total: 300_000 });
  await tab.page.evaluate(() => {
    upload(new File([new Uint8Array(300_000)], "more.txt", { type: "text/plain" })).catch((error) =>
      note({ told: "not uploaded", error: error.type }),
    );
    calledOff.abort();
  });
  const { error } = await tab.told.find("an upload that is called off", is("not uploaded"));
  assert.equal(error, "AbortError");
  agent.do({ send: "<img src=x onerror=alert(1)>" });
  await tab.page.getByText("<img src=x onerror=alert(1)>").waitFor();
  await tab.page.evaluate(() => session.disconnectParticipant());
  await agent.sees(event("participant.left"), "CUSTOMER");
});
