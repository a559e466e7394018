// amazon-connect-chatjs 5.0.0 as it is on npm, in Chromium, on a page from another origin.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { Log } from "./lib/log.mjs";
import { event, scenario } from "./lib/stage.mjs";

const PHONE =
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/140.0.0.0 Mobile Safari/537.36";

const here = (...names) => path.join(import.meta.dirname, ...names);

/** A page with the library and the application in `page/chatjs.js`; gives what that application tells. */
async function open(stage, options = {}) {
  const script = async (file) => ({ type: "text/javascript", body: await readFile(file) });
  const library = here("node_modules", "amazon-connect-chatjs", "dist", "amazon-connect-chat.js");
  const body =
    '<!doctype html><title>shop</title><script src="/library.js"></script>' +
    '<script src="/application.js"></script>';
  const origin = await stage.site({
    "/": { type: "text/html; charset=utf-8", body },
    "/library.js": await script(library),
    "/application.js": await script(here("page", "chatjs.js")),
  });
  const page = await stage.page(options);
  const told = new Log("page");
  await page.exposeFunction("note", (entry) => told.push(entry));
  await page.goto(origin);
  assert.equal(await page.evaluate(() => connect.ChatJS.version), "5.0.0");
  return { page, told };
}

/** A chat in which an agent has joined; gives its details and the number of its session. */
async function withAgent(server, page, told) {
  const details = await page.evaluate((url) => startChat(url, "Jane"), server.url);
  const session = await page.evaluate(
    ([url, details]) => openSession(url, details),
    [server.url, details],
  );
  await told.find("greeting", ({ item }) => item?.ParticipantRole === "SYSTEM");
  await page.evaluate((session) => sendTexts(session, ["an agent, please"]), session);
  await told.find(
    "joined agent",
    ({ item }) =>
      item?.ContentType === event("participant.joined") && item.ParticipantRole === "AGENT",
  );
  return { details, session };
}

/** Typing and a message in each direction. */
async function converse(agent, page, told, session, word) {
  const from = told.length;
  await page.evaluate(([session, text]) => sendTexts(session, [text]), [session, `to ${word}`]);
  await agent.hears(`to ${word}`);
  agent.do({ send: `from ${word}` });
  await told.find(
    `"from ${word}"`,
    ({ kind, item }) => kind === "message" && item.Content === `from ${word}`,
    { from },
  );
}

/** Both write until the server dies under them; gives what was acknowledged to the page. */
async function writeUntilKilled(server, agent, page, told, session) {
  const texts = Array.from({ length: 5_000 }, (_, number) => `order ${number}`);
  agent.answer(/^order (\d+)$/, (number) => `answer ${number}`);
  const sending = page.evaluate(([session, texts]) => sendTexts(session, texts), [session, texts]);
  await told.findAll(
    "acknowledged order",
    25,
    ({ kind, text }) => kind === "acknowledged" && text.startsWith("order"),
  );
  await server.kill();
  await sending;
  await told.find("failed send", ({ kind }) => kind === "failed");
  return told.entries.filter(
    ({ kind, text }) => kind === "acknowledged" && text.startsWith("order"),
  );
}

/** Nothing that anybody was told is missing, nothing is there twice, and all see one order. */
function compare(transcript, acknowledged, agent) {
  const ids = transcript.map((item) => item.Id);
  assert.equal(new Set(ids).size, ids.length, "no item twice");
  const stored = new Map(transcript.map((item) => [item.Id, item.Content]));
  for (const { id, text } of acknowledged) {
    assert.equal(stored.get(id), text, `the acknowledged "${text}" is in the transcript`);
  }
  const texts = transcript.map((item) => item.Content).filter((text) => /^order/.test(text));
  const orders = texts.map((text) => Number(text.split(" ")[1]));
  assert.deepEqual(orders, [...orders.keys()], "in the order of sending, without holes");
  assert.ok(orders.length <= acknowledged.length + 1, "at most the last one unacknowledged");
  const own = ids.filter((id) => agent.some((seen) => seen.id === id));
  assert.deepEqual(
    agent.map((seen) => seen.id),
    own,
    "the agent saw the same order",
  );
}

/** The agent ends the chat; everybody learns it. */
async function end(agent, page, told, session) {
  agent.do({ disconnect: true });
  await told.find("the end", ({ kind, session: of }) => kind === "ended" && of === session);
  await agent.sees(event("chat.ended"));
  await assert.rejects(
    page.evaluate((session) => readTranscript(session), session),
    /No active connection/,
  );
}

scenario(
  "ChatJS 5.0.0 on a desktop: gives up at a crash, and a new session has everything",
  async (stage) => {
    const server = await stage.server();
    const agent = stage.agent(server);
    const { page, told } = await open(stage);
    const { details, session } = await withAgent(server, page, told);

    await page.evaluate((session) => sendTyping(session), session);
    await agent.sees(event("typing"), "CUSTOMER");
    agent.do({ typing: true });
    await told.find(
      "typing",
      ({ kind, item }) => kind === "typing" && item.ParticipantRole === "AGENT",
    );
    await converse(agent, page, told, session, "before");

    const acknowledged = await writeUntilKilled(server, agent, page, told, session);
    // One failed fetch and it is over (docs/protocol/defects.md D1).
    await told.find("broken", ({ kind }) => kind === "broken");
    agent.do({ send: "are you there?" });
    await server.start();

    const again = await page.evaluate(
      ([url, details]) => openSession(url, details),
      [server.url, details],
    );
    await agent.hears("are you there?", "AGENT");
    await converse(agent, page, told, again, "after");
    const transcript = await page.evaluate((session) => readTranscript(session), again);
    compare(transcript, acknowledged, agent.texts());
    assert.ok(transcript.some((item) => item.Content === "are you there?"));
    await end(agent, page, told, again);
  },
);

scenario("ChatJS 5.0.0 on a phone: recovers from a crash by itself", async (stage) => {
  const server = await stage.server();
  const agent = stage.agent(server);
  const { page, told } = await open(stage, { userAgent: PHONE });
  const failures = new Log("failed requests");
  page.on("requestfailed", (request) => failures.push(request.url()));
  const { session } = await withAgent(server, page, told);
  await converse(agent, page, told, session, "before");

  const acknowledged = await writeUntilKilled(server, agent, page, told, session);
  await told.find("lost", ({ kind }) => kind === "lost");
  await failures.find("refused connection", (url) => url.endsWith("/participant/connection"));
  const from = told.length;
  await server.start();
  await told.find("established", ({ kind }) => kind === "established", { from });

  await converse(agent, page, told, session, "after");
  const transcript = await page.evaluate((session) => readTranscript(session), session);
  compare(transcript, acknowledged, agent.texts());
  assert.ok(!told.entries.some(({ kind }) => kind === "broken"));
  await end(agent, page, told, session);
});
