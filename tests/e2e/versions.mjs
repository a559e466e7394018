// amazon-connect-chatjs from its second release to its newest, as they are on npm, on both sides of a
// chat in Chromium, over TLS, on pages whose content policy allows nothing else. `tls.test.mjs` runs
// this.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { Log, PATIENCE_MS } from "./lib/log.mjs";
import { open } from "./lib/shop.mjs";
import { event, scenario } from "./lib/stage.mjs";

/** Versions, and the folders of their packages. */
const VERSIONS = {
  "1.0.8": "amazon-connect-chatjs-1.0.8",
  "1.1.4": "amazon-connect-chatjs-1.1.4",
  "2.3.2": "amazon-connect-chatjs-2.3.2",
  "3.0.3": "amazon-connect-chatjs-3.0.3",
  "5.0.0": "amazon-connect-chatjs",
};

/** Some versions look for the global object by `eval`, and go on without it. */
const EVAL = "script-src: eval";
const JOINED = event("participant.joined");
const LEFT = event("participant.left");
const WORDS = 'Gr\u00fc\u00dfe \u{1F600}\n"Ana"';

async function library(version) {
  const folder = path.join(import.meta.dirname, "node_modules", VERSIONS[version]);
  const manifest = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  assert.equal(manifest.version, version);
  return { text: await readFile(path.join(folder, "dist", "amazon-connect-chat.js")) };
}

/** A page with a library; what it is told, what its sockets carry, and what it was refused. */
async function openPage(stage, server, text) {
  const frames = new Log("frames");
  const refused = [];
  const watch = async (page) => {
    page.on("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => frames.push(JSON.parse(payload))),
    );
    page.on("response", (response) => {
      if (response.status() >= 400 && response.url().startsWith(server.url)) {
        refused.push(`${response.status()} ${response.url()}`);
      }
    });
    page.on("pageerror", (error) => refused.push(String(error)));
    await page.exposeFunction("forbid", (what) => refused.push(what));
    await page.addInitScript(() =>
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        forbid(`${violatedDirective}: ${blockedURI}`),
      ),
    );
  };
  const { host } = new URL(server.url);
  const policy = `default-src 'none'; script-src 'self'; connect-src https://${host} wss://${host}`;
  const headers = { "content-security-policy": policy };
  return { ...(await open(stage, text, { headers, watch })), frames, refused };
}

/** An agent signs in and takes a chat, as a desk's back end does; what its session needs. */
async function accept(server, contactId) {
  const post = async (call, body, headers) => {
    const response = await fetch(`${server.url}/v1/agent/${call}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    assert.equal(response.status, 200, `${call}: ${await response.clone().text()}`);
    return response.json();
  };
  const { token } = await post("login", { user: "ana" });
  const authorization = { authorization: `Bearer ${token}` };
  const chat = await post("accept", { contactId }, authorization);
  const { participantId, participantToken, initialContactId } = chat;
  return { contactId, initialContactId, participantId, participantToken };
}

const isItem = (contentType, role) => (entry) =>
  entry.item?.ContentType === contentType && entry.item.ParticipantRole === role;
const says = (text) => (entry) => entry.kind === "message" && entry.item?.Content === text;
const types = (role) => (entry) => entry.kind === "typing" && entry.item.ParticipantRole === role;
const isFromFlow = ({ item }) => item?.ParticipantRole === "SYSTEM";
const subscribed = ({ topic, content }) =>
  topic === "aws/subscribe" && content.status === "success";

/** A whole chat, both sides with one version. */
async function chat(stage, server, version) {
  assert.match(server.url, /^https:/);
  const text = await library(version);
  const [customer, agent] = await Promise.all([
    openPage(stage, server, text),
    openPage(stage, server, text),
  ]);
  const openSession = ({ page }, details, type) =>
    page.evaluate(
      ([url, details, type]) => openSession(url, details, type),
      [server.url, details, type],
    );
  const send = ({ page }, session, ...texts) =>
    page.evaluate(([session, texts]) => sendTexts(session, texts), [session, texts]);
  const type = ({ page }, session) => page.evaluate((session) => sendTyping(session), session);

  const details = await customer.page.evaluate((url) => startChat(url, "Jane"), server.url);
  const jane = await openSession(customer, details, "CUSTOMER");
  // The flow greets whoever has subscribed.
  await customer.told.find("greeting", isFromFlow);
  await send(customer, jane, "an agent, please");
  // With its answer the flow hands her over.
  await customer.told.findAll("words of the flow", 2, isFromFlow);

  const ana = await openSession(agent, await accept(server, details.ContactId), "AGENT");
  await agent.frames.find("answer to its subscription", subscribed);
  await customer.told.find("the agent", isItem(JOINED, "AGENT"));

  await type(customer, jane);
  await agent.told.find("the customer typing", types("CUSTOMER"));
  await type(agent, ana);
  await customer.told.find("the agent typing", types("AGENT"));

  await send(customer, jane, WORDS);
  const { id } = await customer.told.find(
    "its acknowledgement",
    ({ kind, text }) => kind === "acknowledged" && text === WORDS,
  );
  const echo = await customer.told.find("its echo", says(WORDS));
  const heard = await agent.told.find("the customer's words", says(WORDS));
  assert.deepEqual([echo.item.Id, heard.item.Id], [id, id]);
  await send(agent, ana, "Hello Jane");
  const answer = await customer.told.find("the agent's words", says("Hello Jane"));

  // More than a page of it, so that old clients go by NextToken too.
  const more = Array.from({ length: 20 }, (_, number) => `line ${number}`);
  await send(agent, ana, ...more);
  await customer.told.find("the last line", says("line 19"));
  const read = ({ page }, session) => page.evaluate((session) => readTranscript(session), session);
  const [transcript, other] = await Promise.all([read(customer, jane), read(agent, ana)]);
  const ids = (items) => items.map((item) => item.Id);
  assert.equal(new Set(ids(transcript)).size, transcript.length, "no item twice");
  assert.deepEqual(ids(other).slice(-22), ids(transcript).slice(-22), "both read the same");
  const lines = transcript.filter((item) => item.Type === "MESSAGE").slice(-22);
  assert.deepEqual(
    lines.map((item) => item.Content),
    [WORDS, "Hello Jane", ...more],
  );
  assert.deepEqual(ids(lines).slice(0, 2), [id, answer.item.Id]);

  await customer.page.evaluate((session) => disconnect(session), jane);
  await agent.told.find("that the customer left", isItem(LEFT, "CUSTOMER"));
  await agent.told.find("the end", ({ kind }) => kind === "ended");
  for (const { told } of [customer, agent]) {
    assert.deepEqual(
      told.entries.filter(({ kind }) => kind === "failed"),
      [],
    );
  }
  const refused = [...customer.refused, ...agent.refused].filter((what) => what !== EVAL);
  assert.deepEqual(refused, []);
}

scenario("ChatJS 1.0.8 to 5.0.0: a whole chat each, customer and agent", async (stage) => {
  const server = await stage.server();
  const run = async (version) => {
    try {
      await chat(stage, server, version);
    } catch (error) {
      throw new Error(`ChatJS ${version}: ${error.message}`, { cause: error });
    }
  };
  await Promise.all(Object.keys(VERSIONS).map(run));
});
