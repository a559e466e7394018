// A page of a shop with a chat on it: what several tests do there.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { Log } from "./log.mjs";
import { event } from "./stage.mjs";

/**
 * Opens the page, on an origin of its own, with a library (the text or the URL of a script) and the
 * application in `page/chatjs.js`, perhaps with headers; gives what that application tells. `watch`
 * gets the page before anything is in it.
 */
export async function open(stage, library, { headers, watch, ...options } = {}) {
  const application = path.join(import.meta.dirname, "..", "page", "chatjs.js");
  const source = library.url ?? "/library.js";
  const body =
    `<!doctype html><title>shop</title><script src="${source}"></script>` +
    '<script src="/application.js"></script>';
  const origin = await stage.site({
    "/": { type: "text/html; charset=utf-8", headers, body },
    "/library.js": { type: "text/javascript", body: library.text },
    "/application.js": { type: "text/javascript", body: await readFile(application) },
  });
  const page = await stage.page(options);
  await watch?.(page);
  const told = new Log("page");
  await page.exposeFunction("note", (entry) => told.push(entry));
  await page.goto(origin);
  return { page, told };
}

/** A chat in which an agent has joined; gives its details and the number of its session. */
export async function withAgent(server, agent, page, told) {
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
  // Who is typing is told to those alone who listen at the time.
  await agent.events.find("its place in the chat", ({ type }) => type === "caughtUp");
  return { details, session };
}

/** Typing and a message in each direction. */
export async function converse(agent, page, told, session, word) {
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
export async function writeUntilKilled(server, agent, page, told, session) {
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
export function compare(transcript, acknowledged, agent) {
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
export async function end(agent, page, told, session) {
  agent.do({ disconnect: true });
  await told.find("the end", ({ kind, session: of }) => kind === "ended" && of === session);
  await agent.sees(event("chat.ended"));
  await assert.rejects(
    page.evaluate((session) => readTranscript(session), session),
    /No active connection/,
  );
}
