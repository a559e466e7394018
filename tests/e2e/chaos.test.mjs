// What amazon-connect-chatjs 5.0.0 makes of trouble on purpose: chaos shows what it loses and doubles.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { end, open, withAgent } from "./lib/shop.mjs";
import { scenario } from "./lib/stage.mjs";

const KEY = "a key that opens the chaos";

/** Does something to the sockets of a contact; gives how many there were. */
async function order(server, what, contactId) {
  const response = await fetch(`${server.url}/v1/admin/chaos/${what}`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    body: JSON.stringify(contactId),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).sockets;
}

scenario(
  "ChatJS 5.0.0 in chaos: it loses what a silent socket kept, and doubles frames",
  async (stage) => {
    const trouble = ["--chaos", "duplicate=25%", "--chaos-seed", "7"];
    const server = await stage.server({ more: [...trouble, "--set", `chaos.key=${KEY}`] });
    const agent = stage.agent(server);
    const file = ["node_modules", "amazon-connect-chatjs", "dist", "amazon-connect-chat.js"];
    const text = await readFile(path.join(import.meta.dirname, ...file), "utf8");
    const { page, told } = await open(stage, { text });
    const { details, session } = await withAgent(server, agent, page, told);
    const tell = async (words) => {
      agent.do({ send: words });
      await agent.hears(words, "AGENT");
    };
    const heard = (words) =>
      told.entries.filter(({ kind, item }) => kind === "message" && item.Content === words).length;

    for (let number = 0; number < 20; number += 1) await tell(`early ${number}`);
    await told.find("the last of them", ({ item }) => item?.Content === "early 19");

    const from = told.length;
    const whose = { contactId: details.ContactId, participantId: details.ParticipantId };
    assert.equal(await order(server, "stall", whose), 1);
    for (let number = 0; number < 5; number += 1) await tell(`missed ${number}`);
    // Its heartbeats are not answered, which it would notice after some time.
    assert.equal(await order(server, "cut", whose), 1);
    await told.find("a new connection", ({ kind }) => kind === "established", { from });
    await tell("late");
    await told.find("late words", ({ item }) => item?.Content === "late");

    const transcript = await page.evaluate((session) => readTranscript(session), session);
    const stored = transcript.map(({ Content }) => Content);
    for (let number = 0; number < 5; number += 1) {
      const words = `missed ${number}`;
      assert.equal(stored.filter((content) => content === words).length, 1, `"${words}" is stored`);
      assert.equal(heard(words), 0, `"${words}" did not reach onMessage`);
    }
    const doubled = Array.from({ length: 20 }, (_, number) => heard(`early ${number}`));
    assert.ok(
      doubled.every((count) => count >= 1),
      `all came: ${doubled}`,
    );
    assert.ok(
      doubled.some((count) => count > 1),
      `some came twice: ${doubled}`,
    );
    // The agent is our client: each once, in order.
    const agents = agent.texts().map(({ content }) => content);
    const own = agents.filter((content) => /^(early|missed) /.test(content));
    const all = [...Array(20).keys()].map((number) => `early ${number}`);
    assert.deepEqual(own, all.concat([...Array(5).keys()].map((number) => `missed ${number}`)));
    await end(agent, page, told, session);
  },
);
