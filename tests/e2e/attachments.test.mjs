// Files between a customer on a page and an agent, through the server's own storage: the official
// chat interface's way from POST /start-chat to ChatJS, with the original and with ours.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import { open, withAgent } from "./lib/shop.mjs";
import { scenario } from "./lib/stage.mjs";

/** The first bytes of a picture, and more than fits into one piece of anything. */
const PICTURE = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  Buffer.alloc(300_000, "\u{1f600} \0 anything"),
]);

const isFile = (name, status) => (item) =>
  item?.Type === "ATTACHMENT" &&
  item.Attachments[0].AttachmentName === name &&
  item.Attachments[0].Status === status;

/** The original as it is on npm. */
async function original() {
  const file = ["node_modules", "amazon-connect-chatjs", "dist", "amazon-connect-chat.js"];
  return { text: await readFile(path.join(import.meta.dirname, ...file)) };
}

/** Ours, as the server gives it out. */
const ours = (server) => ({ url: `${server.url}/dist/amazon-connect-chat.js` });

for (const [name, library] of [
  ["ChatJS 5.0.0", original],
  ["Chatloom", ours],
]) {
  scenario(`${name}: a customer sends a file, and the agent opens it`, async (stage) => {
    const server = await stage.server();
    const agent = stage.agent(server);
    const folder = await stage.folder();
    const { page, told } = await open(stage, await library(server));
    const { session } = await withAgent(server, agent, page, told);

    // The customer's file is for the agent, and for the customer too.
    await page.evaluate(
      ([session, name, base64]) => sendFile(session, name, "image/png", base64),
      [session, "caf\u00e9 & co.png", PICTURE.toString("base64")],
    );
    const { item } = await told.find(
      "its own file",
      ({ kind, item }) => kind === "message" && isFile("caf\u00e9 & co.png", "APPROVED")(item),
    );
    const id = item.Attachments[0].AttachmentId;
    const seen = await agent.events.find(
      "the customer's file",
      ({ type }) => type === "attachment",
    );
    assert.deepEqual(seen.attachments, [
      { id, name: "caf\u00e9 & co.png", contentType: "image/png", status: "APPROVED" },
    ]);
    assert.equal(seen.role, "CUSTOMER");
    const opened = path.join(folder, "opened.png");
    agent.do({ fetch: id, to: opened, ref: 1 });
    const fetched = await agent.events.find("the opened file", ({ ref }) => ref === 1);
    assert.deepEqual([fetched.type, fetched.bytes], ["fetched", PICTURE.length]);
    assert.ok(PICTURE.equals(await readFile(opened)), "byte by byte");

    // And the other way, by both calls of ChatJS.
    const answer = path.join(folder, "answer.txt");
    await writeFile(answer, "Yes, that one.");
    agent.do({ attach: answer, ref: 2 });
    await agent.events.find("the sent file", ({ type, ref }) => type === "attached" && ref === 2);
    const { item: other } = await told.find(
      "the agent's file",
      ({ kind, item }) => kind === "message" && isFile("answer.txt", "APPROVED")(item),
    );
    const received = await page.evaluate(
      ([session, id]) => fetchFile(session, id),
      [session, other.Attachments[0].AttachmentId],
    );
    assert.deepEqual(received, {
      type: "text/plain",
      text: "Yes, that one.",
      byUrl: "Yes, that one.",
    });

    // What is not what it says is refused by the service, not by the library.
    await page.evaluate(
      ([session, base64]) => sendFile(session, "fake.png", "image/png", base64),
      [session, Buffer.from("<script>alert(1)</script>").toString("base64")],
    );
    await told.find("the refused file", ({ item }) => isFile("fake.png", "REJECTED")(item));
    const transcript = await page.evaluate((session) => readTranscript(session), session);
    assert.deepEqual(
      transcript
        .filter((item) => item.Type === "ATTACHMENT")
        .map(({ Attachments: [file] }) => [file.AttachmentName, file.Status]),
      [
        ["caf\u00e9 & co.png", "APPROVED"],
        ["answer.txt", "APPROVED"],
        ["fake.png", "REJECTED"],
      ],
    );

    // A type that nobody takes is an error of the first call.
    const refused = await page.evaluate(
      ([session, base64]) =>
        sendFile(session, "a.html", "text/html", base64).catch(({ type, statusCode }) => ({
          type,
          statusCode,
        })),
      [session, "eA=="],
    );
    assert.deepEqual(refused, { type: "ValidationException", statusCode: 400 });
  });
}

scenario("a scanner's verdict reaches page and agent, after a crash too", async (stage) => {
  const folder = await stage.folder();
  const gate = path.join(folder, "open");
  const config = path.join(folder, "chatloom.toml");
  const script = `while [ ! -e ${gate} ]; do sleep 0.05; done; ! grep -q virus`;
  await writeFile(
    config,
    `[attachments]\nscanner_command = ["/bin/sh", "-c", ${JSON.stringify(script)}]\n`,
  );
  const server = await stage.server({ config });
  const agent = stage.agent(server);
  const { page, told } = await open(stage, ours(server));
  const { session } = await withAgent(server, agent, page, told);
  const send = (name, text) =>
    page.evaluate(
      ([session, name, base64]) => sendFile(session, name, "text/plain", base64),
      [session, name, Buffer.from(text).toString("base64")],
    );
  await send("good.txt", "all is well");
  await send("bad.txt", "a virus");
  for (const name of ["good.txt", "bad.txt"]) {
    await told.find("a file that waits", ({ item }) => isFile(name, "IN_PROGRESS")(item));
  }
  // The scans are under way. Whatever was acknowledged is found again.
  await server.kill();
  await told.find("the loss", ({ kind }) => kind === "lost");
  const from = told.length;
  await server.start();
  await told.find("the connection", ({ kind }) => kind === "established", { from });
  await writeFile(gate, "");
  const verdicts = async () => {
    const transcript = await page.evaluate((session) => readTranscript(session), session);
    return transcript
      .filter((item) => item.Type === "ATTACHMENT")
      .map(({ Attachments: [file] }) => `${file.AttachmentName} ${file.Status}`);
  };
  await told.find("the good verdict", ({ item }) => isFile("good.txt", "APPROVED")(item));
  await told.find("the bad verdict", ({ item }) => isFile("bad.txt", "REJECTED")(item));
  assert.deepEqual(await verdicts(), ["good.txt APPROVED", "bad.txt REJECTED"]);
});
