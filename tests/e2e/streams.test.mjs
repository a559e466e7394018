// Agents' sessions under Amazon Connect Streams 2.28.2 as it is on npm, with chats on our server.

import assert from "node:assert/strict";

import { classic, inlined, original, streams } from "./lib/libraries.mjs";
import { picture } from "./lib/picture.mjs";
import { openDesk, openShop } from "./lib/site.mjs";
import { event, scenario } from "./lib/stage.mjs";
import { byKind, plain } from "./lib/trace.mjs";

/** A customer who waits for an agent. */
async function waiting(stage, server, name) {
  const customer = stage.customer(server, name);
  customer.do({ send: `an agent, please, says ${name}`, ref: "first" });
  await customer.events.find("its words stored", ({ type, ref }) => type === "sent" && ref);
  return customer;
}

/** Two chats of one agent; gives what the page was told. */
async function work(stage, libraries, options) {
  const server = await stage.server();
  const jane = await waiting(stage, server, "Jane");
  const { page, told, panel } = await openDesk(stage, server, libraries, options);

  const first = await panel.evaluate(() => offer());
  const opened = await told.find("the first chat", ({ told }) => /open$/.test(told));
  assert.equal(opened.told, "open", opened.data);
  assert.ok(opened.data.includes("an agent, please, says Jane"));
  await page.getByText("In a chat").waitFor();
  await page.getByLabel("Your message").fill("Hello Jane, how can I help?");
  await page.keyboard.press("Enter");
  await jane.hears("Hello Jane, how can I help?", "AGENT");
  jane.do({ typing: true });
  await told.find("typing", ({ told }) => told === "typing");
  jane.do({ send: "Where is my order?" });
  const heard = (contactId, text) => (entry) =>
    entry.told === "message" && entry.contactId === contactId && entry.data.data.Content === text;
  await told.find("a question", heard(first, "Where is my order?"));
  await page.getByText("Where is my order?").waitFor();

  const joe = await waiting(stage, server, "Joe");
  const second = await panel.evaluate(() => offer());
  await told.find(
    "the second chat",
    ({ told, contactId }) => told === "open" && contactId === second,
  );
  await page.getByLabel("Your message").fill("Hello Joe");
  await page.keyboard.press("Enter");
  await joe.hears("Hello Joe", "AGENT");
  jane.do({ send: "Jane again" });
  await told.find("words of Jane", heard(first, "Jane again"));
  joe.do({ send: "Joe here" });
  await told.find("words of Joe", heard(second, "Joe here"));
  for (const [contactId, text] of [
    [second, "Jane again"],
    [first, "Joe here"],
  ]) {
    assert.ok(!told.entries.some(heard(contactId, text)), "a chat has its own messages alone");
  }

  await picture(page, `desk-with-${libraries.map((library) => library.name).join("-")}`);

  const established = (entry) => entry.told === "established" && !entry.data.connectSuccess;
  await panel.evaluate(() => cut());
  await told.findAll("lost", 2, ({ told }) => told === "lost");
  const from = told.length;
  await panel.evaluate(() => restore());
  await told.findAll("established", 2, established, { from });
  jane.do({ send: "Still there?" });
  await told.find("words after the cut", heard(first, "Still there?"));

  await page.getByRole("button", { name: "End chat" }).click();
  await told.find("the end", ({ told, contactId }) => told === "ended" && contactId === second);
  await told.find("the end of the contact", ({ told }) => told === "contact ended");
  await joe.sees(event("chat.ended"));
  jane.do({ send: "And I?" });
  await told.find("words in the other chat", heard(first, "And I?"));
  return byKind(told.entries);
}

scenario("agents chat under Streams, whichever of the two is loaded first", async (stage) => {
  const all = [
    [streams, original],
    [original, streams],
    [streams, classic],
    [classic, streams],
    [streams, inlined],
  ];
  const [expected, ...others] = await Promise.all(all.map((order) => work(stage, order)));
  for (const [index, seen] of others.entries()) {
    assert.deepEqual(seen, expected, all[index + 1].map(({ name }) => name).join(", "));
  }
});

scenario("a page under Streams may create the sessions of its agents itself", async (stage) => {
  const run = (library) => work(stage, [streams, library], { alternative: true });
  const [expected, seen] = await Promise.all([original, classic].map(run));
  assert.deepEqual(seen, expected);
});

/** A customer's page and an agent's, both with one library; gives what both were told. */
async function together(stage, library) {
  const server = await stage.server();
  const shop = await openShop(stage, server, library, "shop-5.js");
  const desk = await openDesk(stage, server, [streams, library]);
  const said = (text) => (entry) => entry.told === "message" && entry.data.data.Content === text;
  const write = async ({ page }, text) => {
    await page.getByLabel("Your message").fill(text);
    await page.keyboard.press("Enter");
  };
  const read = "application/vnd.amazonaws.connect.event.message.read";

  await shop.page.evaluate(() => open("Jane"));
  await shop.told.find("greeting", ({ data }) => data.data?.ParticipantRole === "SYSTEM");
  await write(shop, "an agent, please");
  await shop.told.find("its echo", said("an agent, please"));
  await desk.panel.evaluate(() => offer());
  await desk.told.find("the chat", ({ told }) => told === "open");
  await write(desk, "Hello Jane");
  const hello = await shop.told.find("a greeting", said("Hello Jane"));
  await write(shop, "Hello Ana");
  const answer = await desk.told.find("an answer", said("Hello Ana"));

  const [ofCustomer, ofAgent] = await Promise.all([
    shop.outcome(
      ({ contentType, messageId }) =>
        chatSession.sendEvent({ contentType, content: JSON.stringify({ messageId }) }),
      { contentType: read, messageId: hello.data.data.Id },
    ),
    desk.outcome(
      ({ contentType, messageId }) =>
        chats.get(shown).session.sendEvent({ contentType, content: JSON.stringify({ messageId }) }),
      { contentType: read, messageId: answer.data.data.Id },
    ),
  ]);
  const about = (id) => (entry) =>
    entry.told === "read" && entry.data.data.MessageMetadata.MessageId === id;
  await desk.told.find("that the greeting was read", about(hello.data.data.Id));
  await shop.told.find("that the answer was read", about(answer.data.data.Id));

  const from = desk.told.length;
  await desk.page.reload();
  await desk.told.find("the chat again", ({ told }) => told === "open", { from });
  await write(shop, "Are you still there?");
  await desk.told.find("a question", said("Are you still there?"), { from });
  await write(desk, "I am");
  await shop.told.find("an answer", said("I am"));

  await shop.page.getByRole("button", { name: "Leave" }).click();
  await shop.told.find("the end", ({ told }) => told === "ended");
  await desk.told.find("the end", ({ told }) => told === "ended");
  return plain({
    ofCustomer,
    ofAgent,
    shop: byKind([...shop.told.entries, ...shop.requests]),
    desk: byKind([...desk.told.entries, ...desk.requests]),
  });
}

scenario(
  "a customer's page and an agent's tell each other what they have read, and one is reloaded",
  async (stage) => {
    const [expected, seen] = await Promise.all(
      [original, classic].map((library) => together(stage, library)),
    );
    assert.equal(expected.desk.read.length, 1);
    assert.equal(expected.shop.read.length, 1);
    assert.deepEqual(seen, expected);
  },
);
