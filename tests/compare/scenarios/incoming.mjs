// Items as they come: which callback hears of which.
import {
  chunk,
  DELIVERED,
  ended,
  event,
  happened,
  message,
  READ,
  receipt,
  time,
  whole,
} from "../lib/items.mjs";

const EVENTS = [
  "typing",
  "participant.joined",
  "participant.left",
  "participant.active",
  "participant.inactive",
  "participant.idle",
  "participant.returned",
  "participant.invited",
  "participant.autodisconnection",
  "participant.displayname.updated",
  "authentication.initiated",
  "authentication.succeeded",
  "authentication.failed",
  "authentication.timeout",
  "authentication.expired",
  "authentication.cancelled",
  "transfer.succeeded",
  "transfer.failed",
  "chat.ended",
  "chat.rehydrated",
  "connection.acknowledged",
  "workflow.cancelled",
  "something.new",
];

export default function define(scenario) {
  const one = (title, ...items) =>
    scenario(title, async (page) => {
      await page.connected();
      for (const item of items) page.service.item(item);
      await page.pass(100);
    });

  for (const name of EVENTS) one(`the event ${name}`, happened(1, name, { Content: '{"a":1}' }));

  const items = {
    "a message": message(1),
    "a message of its own": message(1, {
      ParticipantId: "participant",
      ParticipantRole: "CUSTOMER",
    }),
    markdown: message(1, { ContentType: "text/markdown" }),
    "an interactive message": message(1, {
      ContentType: "application/vnd.amazonaws.connect.message.interactive",
      Content: '{"templateType":"ListPicker"}',
    }),
    "an attachment": message(1, {
      Type: "ATTACHMENT",
      ContentType: undefined,
      Content: undefined,
      Attachments: [
        { AttachmentId: "a", AttachmentName: "n", ContentType: "text/plain", Status: "APPROVED" },
      ],
    }),
    "an unknown type": message(1, { Type: "SOMETHING", ContentType: "x/y" }),
    "no content type": message(1, { ContentType: undefined }),
    "no type": message(1, { Type: undefined }),
    "no id": message(1, { Id: undefined }),
    "members nobody knows": message(1, { Extra: { deep: [1, null, "x"] } }),
    "numbers where texts are expected": message(1, { ContentType: 5, Id: 7, Type: null }),
    "another contact of the same chat": message(1, { ContactId: "transferred" }),
    "another chat's contact, this one's as its own": message(1, { InitialContactId: "elsewhere" }),
    "another chat": message(1, { InitialContactId: "elsewhere", ContactId: "elsewhere" }),
    "no contact at all": message(1, { InitialContactId: undefined, ContactId: undefined }),
    "metadata without receipts": message(1, { MessageMetadata: { MessageId: "item-1" } }),
    "metadata with receipts, in a message": message(1, {
      MessageMetadata: {
        MessageId: "item-1",
        Receipts: [{ ReadTimestamp: time(1), RecipientParticipantId: "agent" }],
      },
    }),
    "half a character": message(1, { Content: "a\ud83d" }),
    "an item that has the names of objects' members": message(1, {
      __proto__x: 1,
      constructor: "c",
      toString: "t",
    }),
  };
  for (const [what, item] of Object.entries(items)) one(what, item);

  for (const content of ["null", "1", '"text"', "[]", "{}", "not JSON", ""]) {
    scenario(`the content ${JSON.stringify(content)}`, async (page) => {
      await page.connected();
      page.service.send({ topic: "aws/chat", contentType: "application/json", content });
      await page.pass(100);
    });
  }

  const frames = {
    "an object as content": JSON.stringify({ topic: "aws/chat", content: message(1) }),
    "no content": JSON.stringify({ topic: "aws/chat" }),
    "another topic": JSON.stringify({ topic: "aws/other", content: JSON.stringify(message(1)) }),
    "no topic": JSON.stringify({ content: JSON.stringify(message(1)) }),
    "a gateway's error": JSON.stringify({
      message: "Forbidden",
      connectionId: "c",
      requestId: "r",
    }),
    "an internal error of the gateway": JSON.stringify({
      message: "Internal server error",
      connectionId: "c",
      requestId: "r",
    }),
    "an empty frame": "",
    "a frame of null": "null",
    "a frame that is a list": "[]",
  };
  for (const [what, frame] of Object.entries(frames)) {
    const differs = what === "a frame of null" ? ["L6"] : [];
    scenario(`a frame with ${what}`, { differs }, async (page) => {
      await page.connected();
      page.service.send(frame);
      await page.pass(100);
      page.service.item(message(2));
      await page.pass(30_000);
    });
  }

  scenario("a frame that is no JSON", { differs: ["L6"] }, async (page) => {
    await page.connected();
    page.service.send("{not JSON");
    await page.pass(100);
    page.service.item(message(2));
    await page.pass(100);
  });

  const byAgent = { RecipientParticipantId: "agent" };
  const receipts = {
    read: [{ ...byAgent, DeliveredTimestamp: time(1), ReadTimestamp: time(2) }],
    delivered: [{ ...byAgent, DeliveredTimestamp: time(1) }],
    neither: [byAgent],
    "of the participant itself": [
      { RecipientParticipantId: "participant", ReadTimestamp: time(1) },
    ],
    "several, of which the first counts": [
      { ...byAgent, DeliveredTimestamp: time(1) },
      { RecipientParticipantId: "b", ReadTimestamp: time(2) },
    ],
    "several, the participant's own first": [
      { RecipientParticipantId: "participant", ReadTimestamp: time(1) },
      { ...byAgent, ReadTimestamp: time(2) },
    ],
    none: [],
  };
  for (const [what, list] of Object.entries(receipts))
    one(`a receipt: ${what}`, receipt(1, "m1", list));
  one("a receipt without metadata", receipt(1, "m1", [], { MessageMetadata: undefined }));
  one(
    "a receipt of another chat",
    receipt(1, "m1", receipts.read, { InitialContactId: "elsewhere", ContactId: "elsewhere" }),
  );
  one(
    "a receipt without contacts",
    receipt(1, "m1", receipts.read, { InitialContactId: undefined, ContactId: undefined }),
  );
  for (const [name, contentType] of Object.entries({ READ, DELIVERED })) {
    one(
      `a receipt by its content type ${name}`,
      receipt(1, "m1", receipts.read, { Type: "EVENT", ContentType: contentType }),
    );
  }

  scenario("receipts come although none are sent", async (page) => {
    page.configure({ features: { messageReceipts: { shouldSendMessageReceipts: false } } });
    await page.connected();
    page.service.item(receipt(1, "m1", receipts.read));
    await page.pass(100);
  });

  one(
    "many items keep their order",
    ...Array.from({ length: 20 }, (_, at) => (at % 3 === 0 ? happened(at, "typing") : message(at))),
  );
  one("the same item twice", message(1), message(1));
  one("an event before its message", happened(2, "participant.left"), message(1), ended());

  scenario("all callbacks of an item get the same object", async (page) => {
    const chat = await page.connected();
    const items = [];
    chat.session.onMessage(({ data }) => items.push(data));
    chat.session.onMessage(({ data }) => items.push(data));
    page.service.item(message(1));
    await page.pass(100);
    page.show("the same", items.length === 2 && items[0] === items[1]);
  });

  one("a streamed message", chunk("b", 1, "a"), chunk("b", 2, "b"), whole("b", 3, "abc"));
  one("a streamed message that is complete at once", whole("b", 1, "abc"));
  one("a second completion", chunk("b", 1, "a"), whole("b", 2, "ab"), whole("b", 3, "other"));
  one(
    "two streamed messages at once",
    chunk("b", 1, "a"),
    chunk("c", 1, "x"),
    chunk("b", 2, "b"),
    whole("c", 2, "xy"),
    whole("b", 3, "abc"),
  );
  one(
    "the same chunk twice",
    chunk("b", 1, "a"),
    chunk("b", 2, "b"),
    chunk("b", 2, "b"),
    whole("b", 3, "abc"),
  );
  one(
    "chunks of an agent pass as they are",
    chunk("b", 1, "a", { ParticipantRole: "AGENT" }),
    chunk("b", 3, "c", { ParticipantRole: "AGENT" }),
  );
  one(
    "chunks of a custom bot pass as they are",
    chunk("b", 2, "a", { ParticipantRole: "CUSTOM_BOT" }),
  );
  one("a message of the system without metadata", message(1, { ParticipantRole: "SYSTEM" }));
  one(
    "a chunk that is an event",
    chunk("b", 1, "a", { Type: "EVENT", ContentType: event("typing") }),
  );

  const mended = (title, ...items) =>
    scenario(title, { differs: ["D11"] }, async (page) => {
      await page.connected();
      for (const item of items) page.service.item(item);
      await page.pass(100);
    });
  mended(
    "a chunk after the completion",
    chunk("b", 1, "a"),
    whole("b", 2, "ab"),
    chunk("b", 3, "late"),
  );
  mended(
    "chunks out of order",
    chunk("b", 1, "a"),
    chunk("b", 3, "c"),
    chunk("b", 2, "b"),
    chunk("b", 4, "d"),
    whole("b", 5, "abcde"),
  );
  mended(
    "a stream that is joined late",
    chunk("b", 2, "b"),
    chunk("b", 3, "c"),
    chunk("b", 1, "a"),
    whole("b", 4, "abcd"),
  );

  scenario("a stream whose beginning is in the transcript", { differs: ["D11"] }, async (page) => {
    const chat = await page.connected();
    page.service.item(chunk("b", 1, "a"));
    page.service.transcript = [{ Transcript: [chunk("b", 2, "ab")] }];
    await page.pass(100);
    chat.call("getTranscript", {});
    await page.pass(100);
    page.service.item(chunk("b", 3, "c"));
    page.service.item(whole("b", 4, "abcd"));
    await page.pass(100);
  });
}
