// A bot's answer that grows on a customer's page, with the original and with ours: shown once while it
// comes, whole at the end, and there under the same Id after a reload.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

import { ConnectClient, StartChatContactCommand } from "@aws-sdk/client-connect";

import { classic, inlined, original, plainScript } from "./lib/libraries.mjs";
import { Log } from "./lib/log.mjs";
import { openShop } from "./lib/site.mjs";
import { DEMO, scenario } from "./lib/stage.mjs";

const PARTS = ["It left ", "yesterday, ", "at noon."];
const WHOLE = PARTS.join("");
/** What the page shows after each part, and at the end. */
const GROWING = ["It left ", "It left yesterday, ", WHOLE, WHOLE];

/** A bot that says one part of its answer each time it is told to. */
async function openBot(stage) {
  const turns = new Log("the bot's turns");
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const turn = JSON.parse(Buffer.concat(parts));
    if (turn.type !== "message") {
      response.writeHead(200, { "content-type": "application/json" }).end('{"actions":[]}');
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    const tell = (name, data) =>
      response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    turns.push({
      contact: turn.chat.contactId,
      showsParts: turn.chat.showsParts,
      say: (content) => tell("chunk", { content }),
      end() {
        tell("done", {});
        response.end();
      },
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stage.cleanup(() => {
    server.closeAllConnections();
    server.close();
  });
  return { turns, url: `http://127.0.0.1:${server.address().port}/` };
}

/** A chat whose customer is shown answers while they grow. */
async function start(server) {
  const client = new ConnectClient({
    region: DEMO.region,
    endpoint: server.url,
    credentials: { accessKeyId: DEMO.accessKey, secretAccessKey: DEMO.secret },
  });
  const { ContactId, ParticipantId, ParticipantToken } = await client.send(
    new StartChatContactCommand({
      InstanceId: DEMO.instance,
      ContactFlowId: DEMO.flow,
      ParticipantDetails: { DisplayName: "Jane" },
      ParticipantConfiguration: { ResponseMode: "INCREMENTAL" },
    }),
  );
  return { ContactId, ParticipantId, ParticipantToken };
}

/** One chat with one library; gives what the page was told of the answer, without ids. */
async function ask(stage, server, bot, library) {
  const { page, told } = await openShop(stage, server, library, "shop-5.js");
  const chat = await start(server);
  // Where the page keeps the details of its chat.
  await page.evaluate((chat) => sessionStorage.setItem(kept, JSON.stringify(chat)), chat);
  await page.evaluate(() => open("Jane"));
  await page.getByText("Connected", { exact: true }).waitFor();
  await page.getByLabel("Your message").fill("Where is my order?");
  await page.keyboard.press("Enter");
  const turn = await bot.turns.find("its turn", ({ contact }) => contact === chat.ContactId);
  assert.equal(turn.showsParts, true);

  const isPart = ({ told, data }) =>
    told === "message" && data.data.ParticipantRole === "SYSTEM" && data.data.Type === "MESSAGE";
  const shown = () => page.getByRole("listitem").filter({ hasText: "It left" });
  for (const [index, part] of PARTS.entries()) {
    turn.say(part);
    const [latest] = (await told.findAll("part", index + 1, isPart)).slice(-1);
    assert.equal(latest.data.data.Content, GROWING[index]);
    assert.deepEqual(await shown().allTextContents(), [GROWING[index]]);
  }
  turn.end();
  const items = (await told.findAll("part and the whole", GROWING.length, isPart)).map(
    ({ data }) => data.data,
  );
  assert.deepEqual(
    items.map(({ Content, MessageMetadata }) => [Content, MessageMetadata.MessageCompleted]),
    GROWING.map((text, index) => [text, index === GROWING.length - 1]),
  );
  const [{ Id }] = items;
  assert.deepEqual(new Set(items.map((item) => item.Id)), new Set([Id]));
  assert.deepEqual(await shown().allTextContents(), [WHOLE]);

  // The library's own list, and what the service has kept.
  const both = await page.evaluate(async () => {
    const { data } = await chatSession.getTranscript({ maxResults: 100 });
    return [transcript, data.Transcript];
  });
  for (const list of both) {
    const answers = list.filter(({ Content }) => Content?.startsWith("It left"));
    assert.deepEqual(
      answers.map((item) => [item.Id, item.Content]),
      [[Id, WHOLE]],
    );
  }

  await page.reload();
  await page.evaluate(() => open("Jane"));
  await shown().waitFor();
  assert.deepEqual(await shown().allTextContents(), [WHOLE]);
  assert.equal(await shown().getAttribute("id"), Id);
  return items.map(({ Content, ContentType, MessageMetadata: { ChunkNumber } }) => ({
    Content,
    ContentType,
    ChunkNumber,
  }));
}

scenario("a bot's answer grows on the page, is shown once and kept", async (stage) => {
  const bot = await openBot(stage);
  const config = path.join(await stage.folder(), "chatloom.toml");
  // On a busy machine four pages take their time between two parts.
  await writeFile(
    config,
    `[outgoing]
allow_networks = ["127.0.0.0/8"]

[bots]
timeout = "2m"
answer_timeout = "10m"

[[bots.endpoints]]
name = "slow"
url = "${bot.url}"
secret = "0123456789abcdef0123456789abcdef"
display_name = "Slow"

[[instance.flows]]
id = "${DEMO.flow}"
bot = "slow"
`,
  );
  const server = await stage.server({ config });
  const libraries = [original, classic, inlined, plainScript];
  const [expected, ...others] = await Promise.all(
    libraries.map((library) => ask(stage, server, bot, library)),
  );
  for (const [index, seen] of others.entries()) {
    assert.deepEqual(seen, expected, libraries[index + 1].name);
  }
});
