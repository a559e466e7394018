// A customer is handed on from one agent to another, all of them with amazon-connect-chatjs 5.0.0 as
// it is on npm, and all of them with ours.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { Log, PATIENCE_MS } from "./lib/log.mjs";
import { open } from "./lib/shop.mjs";
import { event, scenario } from "./lib/stage.mjs";

const LIBRARIES = [
  ["node_modules", "amazon-connect-chatjs", "dist", "amazon-connect-chat.js"],
  ["..", "..", "web", "chatjs", "dist", "amazon-connect-chat.js"],
];

/** An agent of the server: signs in, takes chats, hands them on. */
async function signIn(server, user) {
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
  const { token } = await post("login", { user });
  return (call, body) => post(call, body, { authorization: `Bearer ${token}` });
}

const says = (text) => (entry) => entry.kind === "message" && entry.item?.Content === text;
const isEvent = (name, role) => (entry) =>
  entry.item?.ContentType === event(name) && (!role || entry.item.ParticipantRole === role);

/** What a page was told, in short. (An acknowledgement may come before its echo or after it.) */
const inShort = ({ told }) =>
  told.entries
    .filter(({ kind }) => kind !== "acknowledged")
    .map(({ kind, item }) =>
      [kind, item?.ParticipantRole, item?.DisplayName, item?.Content ?? item?.ContentType]
        .filter((part) => part)
        .join(" "),
    );

/** The whole story with one library; gives what each page was told. */
async function handOn(stage, library) {
  const text = await readFile(path.join(import.meta.dirname, ...library));
  const server = await stage.server({ more: ["--set", "socket.linger=1s"] });
  const [customer, first, second] = await Promise.all(
    ["customer", "ana", "ben"].map(async () => {
      const closed = new Log("closed sockets");
      const watch = (page) =>
        page.on("websocket", (socket) => socket.on("close", () => closed.push(socket.url())));
      return { ...(await open(stage, { text }, { watch })), closed };
    }),
  );
  const openSession = ({ page }, details, type) =>
    page.evaluate(
      ([url, details, type]) => openSession(url, details, type),
      [server.url, details, type],
    );
  const send = ({ page }, session, text) =>
    page.evaluate(([session, text]) => sendTexts(session, [text]), [session, text]);
  const [ana, ben] = await Promise.all([signIn(server, "ana"), signIn(server, "ben")]);

  const details = await customer.page.evaluate((url) => startChat(url, "Jane"), server.url);
  const jane = await openSession(customer, details, "CUSTOMER");
  await customer.told.find("greeting", ({ item }) => item?.ParticipantRole === "SYSTEM");
  await send(customer, jane, "an agent, please");
  await customer.told.findAll(
    "words of the flow",
    2,
    ({ item }) => item?.ParticipantRole === "SYSTEM",
  );
  const taken = await ana("accept", { contactId: details.ContactId });
  const anas = await openSession(first, taken, "AGENT");
  await customer.told.find("the first agent", isEvent("participant.joined", "AGENT"));
  await send(customer, jane, "my lamp is broken");
  await first.told.find("her words", says("my lamp is broken"));
  await send(first, anas, "Ben knows about lamps");
  await customer.told.find("the answer", says("Ben knows about lamps"));

  const handed = await ana("transfer", { contactId: taken.contactId, user: "ben" });
  await first.told.find("the transfer", isEvent("transfer.succeeded", "AGENT"));
  await customer.told.find("that she left", isEvent("participant.left", "AGENT"));
  await send(customer, jane, "hello?");
  const again = await ben("accept", {});
  assert.equal(again.contactId, handed.contactId);
  assert.equal(again.initialContactId, details.ContactId);
  const bens = await openSession(second, again, "AGENT");
  await send(second, bens, "Ben here");
  await customer.told.find("the second agent's words", says("Ben here"));
  await send(customer, jane, "thanks");
  await second.told.find("her thanks", says("thanks"));
  // The server closes what is of no more use; that is nothing to tell either.
  await first.closed.find("the end of her socket", () => true);

  const read = ({ page }, session) => page.evaluate((session) => readTranscript(session), session);
  const [hers, his] = await Promise.all([read(customer, jane), read(second, bens)]);
  const ids = (items) => items.map((item) => item.Id);
  assert.deepEqual(ids(hers), ids(his), "one transcript, of both contacts");
  const of = (items, text) => items.find((item) => item.Content === text).ContactId;
  assert.equal(of(hers, "my lamp is broken"), details.ContactId);
  assert.equal(of(hers, "hello?"), handed.contactId);
  assert.deepEqual(
    hers
      .filter((item) => item.Type === "EVENT" && item.ParticipantRole === "AGENT")
      .map(({ ContentType, DisplayName, ContactId }) => [ContentType, DisplayName, ContactId]),
    [
      [event("participant.joined"), "Ana", details.ContactId],
      [event("transfer.succeeded"), "Ana", details.ContactId],
      [event("participant.left"), "Ana", details.ContactId],
      [event("participant.joined"), "Ben", handed.contactId],
    ],
  );
  await customer.page.evaluate((session) => disconnect(session), jane);
  for (const { told } of [customer, second]) {
    await told.find("the end", ({ kind }) => kind === "ended");
  }
  return { customer: inShort(customer), first: inShort(first), second: inShort(second) };
}

scenario("whoever hands a customer on hears of it and then nothing", async (stage) => {
  const [expected, ours] = await Promise.all(LIBRARIES.map((library) => handOn(stage, library)));
  const last = `message AGENT Ana ${event("transfer.succeeded")}`;
  assert.equal(expected.first.at(-1), last);
  assert.deepEqual(ours, expected);
  for (const agent of ["Ana", "Ben"]) {
    assert.ok(expected.customer.includes(`message AGENT ${agent} ${event("participant.joined")}`));
  }
});
