// What happens to a chat in a page when the network, the tab or the service have troubles.

import assert from "node:assert/strict";

import { classic, original, plainScript } from "./lib/libraries.mjs";
import { picture } from "./lib/picture.mjs";
import { openShop } from "./lib/site.mjs";
import { event, scenario } from "./lib/stage.mjs";
import { openWire } from "./lib/wire.mjs";

const said = (text) => (entry) => entry.told === "message" && entry.data.data.Content === text;
const is = (name) => (entry) => entry.told === name;

/** A chat with an agent, over a cable. */
async function chat(stage, library, { chatloom } = {}) {
  const server = await stage.server();
  const wire = await openWire(stage, server.url);
  const { page, told, outcome } = await openShop(stage, wire, library, "shop-5.js");
  const agent = stage.agent(server);
  if (chatloom) {
    await page.evaluate(() => connect.ChatSession.setGlobalConfig({ chatloom: {} }));
  }
  await page.evaluate(() => open("Jane"));
  await told.find("greeting", ({ data }) => data.data?.ParticipantRole === "SYSTEM");
  await write(page, "an agent, please");
  await agent.events.find("its place in the chat", ({ type }) => type === "caughtUp");
  agent.do({ send: "Hello Jane" });
  await told.find("an answer", said("Hello Jane"));
  return { server, wire, page, told, outcome, agent };
}

/** Writes into the page's field as a person does. */
async function write(page, text) {
  await page.getByLabel("Your message").fill(text);
  await page.keyboard.press("Enter");
}

/** The agent says something, which is stored. */
async function tell(agent, text) {
  agent.do({ send: text });
  await agent.events.find(`its "${text}"`, ({ content, own }) => content === text && own);
}

/** What the page shows of the agent's and the customer's words. */
async function shown(page) {
  const lines = await page.getByRole("listitem").allInnerTexts();
  return lines.slice(lines.indexOf("Hello Jane"));
}

/** Whether the agent said more than to ask who is there. */
const isNoCall = (text) => !text?.startsWith("hello? ");

/** The agent goes on while the page has no network; the page comes back. */
async function cut(stage, library, chatloom) {
  const { wire, page, told, agent } = await chat(stage, library, { chatloom });
  const from = told.length;
  await page.context().setOffline(true);
  wire.cut();
  await told.find("the loss", is("lost"));
  for (let number = 1; number <= 30; number += 1) await tell(agent, `missed ${number}`);
  if (!chatloom) {
    await write(page, "lost words");
    const failure = await told.find("a failed send", is("not sent"));
    assert.equal(failure.data.type, "TypeError");
  } else {
    await write(page, "words that wait");
  }
  wire.mend();
  await page.context().setOffline(false);
  await told.find("the connection", is("established"), { from });
  // The socket is open then, and hears what is said once it has subscribed.
  const hears = () => told.entries.slice(from).some(is("message"));
  for (let number = 1; number <= 1000 && !hears(); number += 1) {
    await tell(agent, `hello? ${number}`);
  }
  await tell(agent, "live again");
  await told.find("words after it", said("live again"));
  if (chatloom) await agent.hears("words that wait");
  await write(page, "I am back");
  await agent.hears("I am back");
  await told.find("its echo", said("I am back"));

  const texts = told.entries
    .slice(from)
    .filter(is("message"))
    .map(({ data }) => data.data)
    .filter(({ ParticipantRole }) => ParticipantRole === "AGENT")
    .map(({ Content }) => Content)
    .filter(isNoCall);
  const missed = Array.from({ length: 30 }, (_, index) => `missed ${index + 1}`);
  // As with the original, what was missed is in the transcript; in Chatloom behaviour it is told.
  assert.deepEqual(texts, chatloom ? [...missed, "live again"] : ["live again"]);
  if (!chatloom) {
    const { data } = await page.evaluate(() => chatSession.getTranscript({ maxResults: 100 }));
    const stored = data.Transcript.map(({ Content }) => Content).filter(isNoCall);
    assert.deepEqual(stored.slice(stored.indexOf("missed 1")), [
      ...missed,
      "live again",
      "I am back",
    ]);
  }
  assert.ok(!told.entries.some(is("broken")));
}

/** Both cores, as wasm and as JavaScript. */
const CORES = [classic, plainScript];

scenario("a chat outlives a network that is cut, by default", (stage) =>
  Promise.all(CORES.map((library) => cut(stage, library, false))),
);

scenario("a chat outlives a network that is cut, in Chatloom behaviour", (stage) =>
  Promise.all(CORES.map((library) => cut(stage, library, true))),
);

scenario("a server that dies takes no words with it, in Chatloom behaviour", async (stage) => {
  const { server, page, told, agent } = await chat(stage, classic, { chatloom: true });
  const from = told.length;
  const words = (name) => Array.from({ length: 20 }, (_, index) => `${name} ${index + 1}`);
  agent.answer(/^word (\d+)$/, (number) => `answer ${number}`);
  // Said without waiting for an answer, most of them while nobody is there to take them.
  const sending = page.evaluate(
    (words) =>
      Promise.all(
        words.map((message) => chatSession.sendMessage({ contentType: "text/plain", message })),
      ),
    words("word"),
  );
  await agent.hears("word 1");
  await server.kill();
  await told.find("the loss", is("lost"));
  await server.start();
  const sent = await sending;
  assert.equal(new Set(sent.map(({ data }) => data.Id)).size, 20);
  await agent.hears("word 20");
  for (const answer of words("answer")) await told.find(answer, said(answer), { from });

  const heard = (entries, role) =>
    entries
      .filter((item) => item.role === role && /^(word|answer) /.test(item.content))
      .map(({ content }) => content);
  const ofAgent = heard(agent.texts(), "CUSTOMER");
  const ofPage = told.entries
    .slice(from)
    .filter(is("message"))
    .map(({ data }) => ({ role: data.data.ParticipantRole, content: data.data.Content }));
  assert.deepEqual(ofAgent, words("word"), "the agent hears each once and in order");
  assert.deepEqual(heard(ofPage, "CUSTOMER"), words("word"), "so does the page");
  assert.deepEqual(heard(ofPage, "AGENT"), words("answer"), "and each answer");
});

/** Stops the scripts of a page, as the sleep of its tab does; gives what lets them go on. */
async function stop(page) {
  const tab = await page.context().newCDPSession(page);
  await tab.send("Debugger.enable");
  const stopped = new Promise((resolve) => tab.once("Debugger.paused", resolve));
  await tab.send("Debugger.pause");
  const nothing = tab.send("Runtime.evaluate", { expression: "0" }); // it stops at the next script
  nothing.catch(() => {}); // a page that is closed in its sleep: what closed it is the failure to tell
  await stopped;
  return () => Promise.all([tab.send("Debugger.disable"), nothing]);
}

/** The tab sleeps, its connections break meanwhile, and it awakes; gives what it shows then. */
async function sleep(stage, library) {
  const { wire, page, told, agent } = await chat(stage, library);
  const awake = await stop(page);
  const from = told.length;
  await tell(agent, "Good night");
  wire.cut();
  await tell(agent, "Are you asleep?");
  wire.mend();
  assert.ok(!told.entries.slice(from).some(said("Are you asleep?")), "it sleeps");
  await awake();
  await told.find("the connection", is("established"), { from });
  await page.getByText("Are you asleep?").waitFor();
  await tell(agent, "Good morning");
  await told.find("words after it", said("Good morning"));
  await write(page, "I am awake");
  await agent.hears("I am awake");
  await page.getByText("I am awake").waitFor();
  await picture(page, `shop-after-sleep-with-${library.name}`);
  return shown(page);
}

scenario("a chat outlives the sleep of its tab", async (stage) => {
  const expected = ["Hello Jane", "Good night", "Are you asleep?", "Good morning", "I am awake"];
  const each = [original, classic].map((library) => sleep(stage, library));
  assert.deepEqual(await Promise.all(each), [expected, expected]);
});

scenario("a connection token that expired is renewed, unlike the original's", async (stage) => {
  const run = async (library) => {
    const { page, told, outcome, agent } = await chat(stage, library);
    // The service refuses the token of the page from now on, as it does when its day is over.
    const token = await page.evaluate(
      () => chatSession.getChatDetails().connectionDetails.connectionToken,
    );
    let refused = 0;
    await page.route("**/participant/{message,event,transcript}", (route) => {
      const headers = route.request().headers();
      if (headers["x-amz-bearer"] !== token) return route.continue();
      refused += 1;
      // A token that nobody signed: the server answers what it answers to one that is too old.
      return route.continue({
        headers: { ...headers, "x-amz-bearer": `${token.slice(0, -6)}expired` },
      });
    });
    const sent = await outcome(() =>
      chatSession.sendMessage({ contentType: "text/plain", message: "Is anybody there?" }),
    );
    assert.ok(refused > 0);
    return { sent, page, told, agent };
  };
  const [theirs, ours] = await Promise.all([original, classic].map(run));
  assert.equal(theirs.sent.rejected.type, "AccessDeniedException");
  assert.ok(ours.sent.value.data.Id);
  await ours.agent.hears("Is anybody there?");
  await ours.told.find("its echo", said("Is anybody there?"));
  const again = await ours.page.evaluate(() => chatSession.getTranscript());
  assert.equal(again.data.Transcript.at(-1).Content, "Is anybody there?");
});

scenario("a chat that ended meanwhile is over when the network is back", async (stage) => {
  const { wire, page, told, outcome, agent } = await chat(stage, classic);
  wire.cut();
  await told.find("the loss", is("lost"));
  agent.do({ disconnect: true });
  await agent.sees(event("chat.ended"));
  wire.mend();
  await told.find("the end", is("ended"));
  await page.getByText("The chat has ended").waitFor();
  const late = await outcome(() =>
    chatSession.sendMessage({ contentType: "text/plain", message: "too late" }),
  );
  assert.equal(late.rejected, "Failed to call sendMessage, No active connection");
  assert.ok(!told.entries.some(is("broken")));
});
