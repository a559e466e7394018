// onTranscriptUpdated: the list that the library keeps.
import { CALLBACKS } from "../lib/page.mjs";
import { chunk, ended, happened, message, receipt, time, whole } from "../lib/items.mjs";
import { NEVER, refusal } from "../lib/service.mjs";

/** A session that tracks its transcript, with what it was given at connecting. */
async function tracked(page, { transcript, callbacks = [] } = {}) {
  if (transcript) page.service.transcript = transcript;
  const chat = page.create({}, { callbacks });
  chat.listen("onTranscriptUpdated");
  chat.call("connect");
  await page.pass(100);
  return chat;
}

const page1 = (...numbers) => ({ Transcript: numbers.map((number) => message(number)) });
const HELLO = { message: "hello", contentType: "text/plain" };

export default function define(scenario) {
  scenario("what is there when the socket opens", async (page) => {
    await tracked(page, { transcript: [{ ...page1(1, 2, 3), NextToken: "older" }] });
  });

  scenario("an empty transcript", async (page) => {
    await tracked(page);
  });

  scenario("the order of all callbacks of an item", async (page) => {
    await tracked(page, { callbacks: CALLBACKS });
    page.service.item(message(1));
    page.service.item(happened(2, "typing"));
    await page.pass(100);
  });

  scenario("tracking begins with the callback", async (page) => {
    const chat = await page.connected({}, { callbacks: [] });
    page.service.item(message(1));
    await page.pass(100);
    chat.listen("onTranscriptUpdated");
    await page.pass(100);
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("nothing is asked before the callback", async (page) => {
    await page.connected({}, { callbacks: [] });
    await page.pass(10_000);
  });

  scenario("items are appended", async (page) => {
    await tracked(page, { transcript: [page1(1)] });
    for (const item of [
      message(2),
      happened(3, "participant.joined"),
      happened(4, "typing"),
      message(5),
    ])
      page.service.item(item);
    await page.pass(100);
  });

  scenario("an item that is known", async (page) => {
    await tracked(page, { transcript: [page1(1, 2)] });
    page.service.item(message(1, { Content: "changed" }));
    await page.pass(100);
  });

  scenario("items without an id", async (page) => {
    await tracked(page, { transcript: [page1(1)] });
    page.service.item(message(2, { Id: undefined }));
    await page.pass(100);
  });

  scenario("a message that is sent, and its echo", async (page) => {
    const chat = await tracked(page, { transcript: [page1(1)] });
    chat.call("sendMessage", HELLO);
    await page.pass(0);
    await page.pass(100);
    page.service.item(
      message(2, {
        Id: "sent-message-1",
        Content: "hello",
        ParticipantId: "participant",
        ParticipantRole: "CUSTOMER",
      }),
    );
    await page.pass(100);
  });

  scenario("an echo that is faster than the answer", { differs: ["D7"] }, async (page) => {
    const chat = await tracked(page, { transcript: [page1(1)] });
    page.service.answer("message", {
      status: 200,
      body: { Id: "sent", AbsoluteTime: time(2) },
      afterMs: 200,
    });
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.item(
      message(2, { Id: "sent", ParticipantId: "participant", ParticipantRole: "CUSTOMER" }),
    );
    await page.pass(50);
    await page.pass(200);
  });

  scenario("a message that is refused", async (page) => {
    const chat = await tracked(page);
    page.service.answer("message", refusal(400, "ValidationException"));
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("an item while a message is on its way", { differs: ["D7"] }, async (page) => {
    const chat = await tracked(page);
    page.service.answer("message", NEVER);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("messages that fail stand in the list", { differs: ["L26"] }, async (page) => {
    const chat = await tracked(page);
    page.service.always("message", refusal(400, "ValidationException"));
    chat.call("sendMessage", HELLO);
    chat.call("sendMessage", { ...HELLO, message: "again" });
    await page.pass(100);
  });

  scenario("receipts change the status", { differs: ["L26"] }, async (page) => {
    await tracked(page, { transcript: [page1(1, 2)] });
    const by = { RecipientParticipantId: "agent" };
    page.service.item(receipt(3, "item-1", [{ ...by, DeliveredTimestamp: time(3) }]));
    page.service.item(receipt(4, "item-1", [{ ...by, ReadTimestamp: time(4) }]));
    page.service.item(receipt(5, "unknown", [{ ...by, ReadTimestamp: time(4) }]));
    page.service.item(
      receipt(6, "item-2", [{ RecipientParticipantId: "participant", ReadTimestamp: time(4) }]),
    );
    await page.pass(100);
  });

  scenario("a delivered after a read", { differs: ["L26"] }, async (page) => {
    await tracked(page, { transcript: [page1(1)] });
    const by = { RecipientParticipantId: "agent" };
    page.service.item(receipt(4, "item-1", [{ ...by, ReadTimestamp: time(4) }]));
    page.service.item(receipt(5, "item-1", [{ ...by, DeliveredTimestamp: time(5) }]));
    await page.pass(100);
  });

  scenario("a page of older items in descending order", async (page) => {
    const chat = await tracked(page, {
      transcript: [
        { ...page1(5, 6), NextToken: "older" },
        { ...page1(4, 3, 2), NextToken: "oldest" },
      ],
    });
    chat.call("getTranscript", { nextToken: "older", sortOrder: "DESCENDING" });
    await page.pass(100);
  });

  scenario("a page of older items in the default order", { differs: ["D7"] }, async (page) => {
    const chat = await tracked(page, {
      transcript: [{ ...page1(5, 6), NextToken: "older" }, page1(1, 2, 3, 4)],
    });
    chat.call("getTranscript", { nextToken: "older" });
    await page.pass(100);
  });

  scenario("live items out of order", { differs: ["D7"] }, async (page) => {
    await tracked(page);
    for (const number of [1, 3, 2]) page.service.item(message(number));
    await page.pass(100);
  });

  scenario("a page forwards leaves the token for older ones", async (page) => {
    const chat = await tracked(page, {
      transcript: [
        { ...page1(1, 2), NextToken: "older" },
        { ...page1(2, 3), NextToken: "newer" },
      ],
    });
    chat.call("getTranscript", { scanDirection: "FORWARD", startPosition: { id: "item-2" } });
    await page.pass(100);
  });

  scenario("a transcript that is refused", async (page) => {
    const chat = await tracked(page, { transcript: [page1(1)] });
    page.service.answer("transcript", refusal(400, "ValidationException"));
    chat.call("getTranscript", {});
    await page.pass(100);
  });

  scenario("the first transcript is refused", async (page) => {
    page.service.answer("transcript", refusal(400, "ValidationException"));
    await tracked(page, { callbacks: CALLBACKS });
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("a transcript with receipts of its own", async (page) => {
    const by = [{ RecipientParticipantId: "agent", ReadTimestamp: time(2) }];
    await tracked(page, {
      transcript: [
        {
          Transcript: [
            message(1),
            receipt(2, "item-1", by),
            message(3, { MessageMetadata: { MessageId: "item-3", Receipts: by } }),
          ],
        },
      ],
    });
  });

  scenario("a streamed message", async (page) => {
    await tracked(page);
    for (const item of [chunk("b", 1, "a"), chunk("b", 2, "b"), whole("b", 3, "abc")])
      page.service.item(item);
    await page.pass(100);
  });

  scenario("the end of the chat", async (page) => {
    await tracked(page, { transcript: [page1(1)], callbacks: CALLBACKS });
    page.service.item(ended());
    await page.pass(100);
  });

  scenario("the list is the application's own", async (page) => {
    const chat = page.create({}, { callbacks: [] });
    const lists = [];
    chat.session.onTranscriptUpdated(({ data }) => lists.push(data.transcript));
    chat.call("connect");
    await page.pass(100);
    page.service.item(message(1));
    await page.pass(100);
    lists.at(-1).push("mine");
    page.service.item(message(2));
    await page.pass(100);
    page.show("the last list", lists.at(-1));
    page.show("another list each time", lists.at(-1) !== lists.at(-2));
    page.show("the same items", lists.at(-1)[0] === lists.at(-2)[0]);
  });

  scenario("after a reconnect what was missed is read", async (page) => {
    await tracked(page, { transcript: [page1(1, 2), page1(1, 2, 3, 4)] });
    page.service.drop();
    await page.pass(5_000);
  });

  scenario(
    "after a reconnect more was missed than one page holds",
    { differs: ["D6"] },
    async (page) => {
      const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
      const chat = await tracked(page, {
        transcript: [
          page1(1, 2),
          { ...page1(...numbers(103, 202)), NextToken: "t1" },
          { ...page1(...numbers(3, 102)), NextToken: "t2" },
          { ...page1(1, 2) },
        ],
      });
      let ids = [];
      chat.session.onTranscriptUpdated(({ data }) => (ids = data.transcript.map(({ Id }) => Id)));
      const before = page.trace.length;
      page.service.drop();
      await page.pass(10_000);
      // The lists themselves would be long.
      page.trace.length = before;
      page.show(
        "read",
        `${ids.length} items, ${page.service.count("transcript")} requests, first ${ids[0]}, third ${ids[2]}, last ${ids.at(-1)}`,
      );
    },
  );

  scenario("a failed message while items come", { differs: ["D7"] }, async (page) => {
    const chat = await tracked(page);
    page.service.answer("message", { ...refusal(400, "ValidationException"), afterMs: 500 });
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.item(message(1));
    await page.pass(1_000);
    page.service.item(message(2));
    await page.pass(100);
  });
}
