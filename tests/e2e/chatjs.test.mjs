// amazon-connect-chatjs 5.0.0 as it is on npm, in Chromium, on a page from another origin.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { Log } from "./lib/log.mjs";
import { compare, converse, end, open, withAgent, writeUntilKilled } from "./lib/shop.mjs";
import { event, scenario } from "./lib/stage.mjs";

const PHONE =
  "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/140.0.0.0 Mobile Safari/537.36";

async function openChatJS(stage, options) {
  const file = ["node_modules", "amazon-connect-chatjs", "dist", "amazon-connect-chat.js"];
  const text = await readFile(path.join(import.meta.dirname, ...file));
  const opened = await open(stage, { text }, options);
  assert.equal(await opened.page.evaluate(() => connect.ChatJS.version), "5.0.0");
  return opened;
}

scenario(
  "ChatJS 5.0.0 on a desktop: gives up at a crash, and a new session has everything",
  async (stage) => {
    const server = await stage.server();
    const agent = stage.agent(server);
    const { page, told } = await openChatJS(stage);
    const { details, session } = await withAgent(server, agent, page, told);

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
  const { page, told } = await openChatJS(stage, { userAgent: PHONE });
  const failures = new Log("failed requests");
  page.on("requestfailed", (request) => failures.push(request.url()));
  const { session } = await withAgent(server, agent, page, told);
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

scenario("ChatJS 5.0.0 may send as soon as it says that it is connected", async (stage) => {
  const server = await stage.server();
  const { page, told } = await openChatJS(stage);
  await page.evaluate(async (url) => {
    const session = await openSession(url, await startChat(url, "Jane"));
    // Its socket has not subscribed yet (docs/protocol/websocket.md S46).
    await sendTexts(session, ["first words"]);
  }, server.url);
  await told.find("acknowledged", ({ kind }) => kind === "acknowledged");
  assert.deepEqual(
    told.entries.filter(({ kind }) => kind === "failed"),
    [],
  );
});
