// Receipts that an application sends: which go out, when, and what becomes of the others.
import { DELIVERED, ended, READ, receipt, time } from "../lib/items.mjs";
import { INTERNAL, refusal } from "../lib/service.mjs";

const send = (chat, contentType, messageId, more = {}) =>
  chat.call("sendEvent", {
    contentType,
    content: JSON.stringify({ messageId, ...more.content }),
    metadata: messageId,
    ...more.args,
  });
const read = (chat, id, more) => send(chat, READ, id, more);
const delivered = (chat, id, more) => send(chat, DELIVERED, id, more);

export default function define(scenario) {
  const bad = {
    "no content": {},
    "content null": { content: null },
    "content without a message": { content: "{}" },
    "an empty message id": { content: '{"messageId":""}' },
    "content that is no JSON": { content: "m" },
    "an object as content": { content: { messageId: "m" } },
  };
  for (const [what, args] of Object.entries(bad)) {
    for (const [name, contentType] of Object.entries({ read: READ, delivered: DELIVERED })) {
      const differs = what === "an object as content" ? ["L20"] : [];
      scenario(`${name} with ${what}`, { differs }, async (page) => {
        const chat = await page.connected();
        chat.call("sendEvent", { contentType, ...args });
        await page.pass(10_000);
      });
    }
  }

  scenario("a read goes out after five seconds", async (page) => {
    const chat = await page.connected();
    read(chat, "m1", { args: { clientToken: "mine" } });
    await page.pass(4_950);
    await page.pass(100);
  });

  scenario("a delivered goes out after 5.3 seconds", async (page) => {
    const chat = await page.connected();
    delivered(chat, "m1");
    await page.pass(5_250);
    await page.pass(100);
  });

  scenario("of several reads the last goes out", { differs: ["L17"] }, async (page) => {
    const chat = await page.connected();
    for (const id of ["m1", "m2", "m3"]) {
      read(chat, id);
      await page.pass(1_000);
    }
    await page.pass(1_900);
    await page.pass(10_000);
  });

  scenario("of several delivereds the last goes out", { differs: ["L17"] }, async (page) => {
    const chat = await page.connected();
    for (const id of ["m1", "m2", "m3"]) {
      delivered(chat, id);
      await page.pass(1_000);
    }
    await page.pass(10_000);
  });

  scenario("delivereds within 300 ms", { differs: ["L17"] }, async (page) => {
    const chat = await page.connected();
    for (const id of ["m1", "m2", "m3"]) {
      delivered(chat, id);
      await page.pass(50);
    }
    await page.pass(10_000);
  });

  scenario("a delivered, then its read within 300 ms", async (page) => {
    const chat = await page.connected();
    delivered(chat, "m1");
    await page.pass(100);
    read(chat, "m1");
    await page.pass(10_000);
  });

  scenario("a delivered, then its read within the window", async (page) => {
    const chat = await page.connected();
    delivered(chat, "m1");
    await page.pass(1_000);
    read(chat, "m1");
    await page.pass(10_000);
  });

  scenario("a read, then a delivered of another message", async (page) => {
    const chat = await page.connected();
    read(chat, "m1");
    await page.pass(1_000);
    delivered(chat, "m2");
    await page.pass(10_000);
  });

  scenario(
    "a read dropped a delivered, and a later one settles it",
    { differs: ["L17"] },
    async (page) => {
      const chat = await page.connected();
      delivered(chat, "m1");
      await page.pass(100);
      read(chat, "m2");
      await page.pass(10_000);
      delivered(chat, "m3");
      await page.pass(10_000);
    },
  );

  scenario("the same receipt twice", async (page) => {
    const chat = await page.connected();
    read(chat, "m1");
    await page.pass(10_000);
    read(chat, "m1");
    delivered(chat, "m1");
    await page.pass(10_000);
  });

  scenario("a delivered twice, then read", async (page) => {
    const chat = await page.connected();
    delivered(chat, "m1");
    await page.pass(10_000);
    delivered(chat, "m1");
    read(chat, "m1");
    await page.pass(10_000);
  });

  scenario("a receipt that fails is not tried again", async (page) => {
    const chat = await page.connected();
    page.service.answer("event", refusal(400, "ValidationException"));
    read(chat, "m1");
    await page.pass(10_000);
    read(chat, "m1");
    await page.pass(10_000);
  });

  scenario("a receipt meets an error of the service", async (page) => {
    const chat = await page.connected();
    page.service.answer("event", INTERNAL);
    read(chat, "m1");
    await page.pass(10_000);
  });

  for (const [name, act] of Object.entries({ read, delivered })) {
    scenario(`${name} without a throttle`, async (page) => {
      const chat = await page.connected();
      act(chat, "m1", { content: { disableThrottle: true } });
      await page.pass(250);
      await page.pass(100);
      await page.pass(10_000);
    });
  }

  scenario("the chat ends within the window", { differs: ["L31"] }, async (page) => {
    const chat = await page.connected();
    read(chat, "m1");
    await page.pass(1_000);
    page.service.item(ended());
    await page.pass(10_000);
  });

  scenario("receipts of two chats do not disturb each other", async (page) => {
    const one = await page.connected();
    const two = await page.connected({
      chatDetails: { contactId: "other", participantId: "p2", participantToken: "t2" },
    });
    read(one, "m1");
    read(two, "m2");
    await page.pass(10_000);
  });

  const configs = {
    "a throttle of one second": { throttleTime: 1_000 },
    "a throttle within the feature": {
      throttleTime: 9_000,
      features: { messageReceipts: { shouldSendMessageReceipts: true, throttleTime: 1_000 } },
    },
    "a throttle of none": { throttleTime: 0 },
    "receipts switched off": {
      features: { messageReceipts: { shouldSendMessageReceipts: false } },
    },
    "a feature that is not quite off": {
      features: { messageReceipts: { shouldSendMessageReceipts: 0 } },
    },
    "a list of features": { features: ["SOMETHING"] },
    nothing: {},
  };
  for (const [what, config] of Object.entries(configs)) {
    scenario(`configured with ${what}`, async (page) => {
      page.configure(config);
      const chat = await page.connected();
      read(chat, "m1");
      await page.pass(900);
      await page.pass(200);
      await page.pass(10_000);
    });
  }

  scenario("switched off, then on by a flag", async (page) => {
    page.configure({ features: { messageReceipts: { shouldSendMessageReceipts: false } } });
    const chat = await page.connected();
    read(chat, "m1");
    page.attempt("setFeatureFlag", () =>
      page.ChatSession.setFeatureFlag("MESSAGE_RECEIPTS_ENABLED"),
    );
    read(chat, "m2");
    await page.pass(10_000);
  });

  scenario("what the transcript says was read", async (page) => {
    const chat = await page.connected();
    const receipts = (kind) => [{ [kind]: time(1), RecipientParticipantId: "participant" }];
    page.service.transcript = [
      {
        Transcript: [
          receipt(1, "m1", receipts("ReadTimestamp")),
          receipt(2, "m2", receipts("DeliveredTimestamp")),
        ],
      },
    ];
    chat.call("getTranscript", {});
    await page.pass(100);
    read(chat, "m1");
    delivered(chat, "m2");
    read(chat, "m2");
    await page.pass(10_000);
  });
}
