// sendEvent(), and typing above all.
import { event, TYPING } from "../lib/items.mjs";
import { INTERNAL, refusal } from "../lib/service.mjs";

const ACKNOWLEDGED = event("connection.acknowledged");

export default function define(scenario) {
  const contents = {
    none: {},
    null: { content: null },
    "an empty text": { content: "" },
    "JSON text": { content: '{"a":1}' },
    "a text that is no JSON": { content: "hello" },
    "a JSON text that is a number": { content: "1" },
    "an object": { content: { a: 1 } },
    "a number": { content: 5 },
  };
  for (const [what, args] of Object.entries(contents)) {
    const differs = ["an object", "a number"].includes(what) ? ["L20"] : [];
    scenario(`content: ${what}`, { differs }, async (page) => {
      const chat = await page.connected();
      chat.call("sendEvent", { contentType: ACKNOWLEDGED, ...args });
      await page.pass(100);
    });
  }

  const types = [
    "typing",
    "participant.joined",
    "participant.idle",
    "chat.ended",
    "authentication.initiated",
    "transfer.succeeded",
    "workflow.cancelled",
  ];
  for (const type of types) {
    scenario(`the type ${type}`, async (page) => {
      const chat = await page.connected();
      chat.call("sendEvent", { contentType: event(type), metadata: "m", clientToken: "mine" });
      await page.pass(100);
    });
  }

  for (const contentType of ["text/plain", "application/json", "text/html", undefined, 7]) {
    scenario(`the content type ${String(contentType)}`, async (page) => {
      const chat = await page.connected();
      chat.call("sendEvent", { contentType });
      await page.pass(100);
    });
  }

  const typing = (chat, metadata) => chat.call("sendEvent", { contentType: TYPING, metadata });

  scenario("typing goes out once in ten seconds", async (page) => {
    const chat = await page.connected();
    for (let call = 1; call <= 3; call++) {
      typing(chat, call);
      await page.pass(3_000);
    }
    await page.pass(900);
    typing(chat, "before ten seconds");
    await page.pass(200);
    typing(chat, "after ten seconds");
    await page.pass(20_000);
  });

  scenario("typing calls before the first is answered", { differs: ["L17"] }, async (page) => {
    const chat = await page.connected();
    typing(chat, 1);
    typing(chat, 2);
    typing(chat, 3);
    await page.pass(100);
  });

  scenario("typing after one that failed", async (page) => {
    const chat = await page.connected();
    page.service.answer("event", refusal(400, "ValidationException"));
    typing(chat, 1);
    await page.pass(1_000);
    typing(chat, 2);
    await page.pass(10_000);
    typing(chat, 3);
    await page.pass(1_000);
  });

  scenario("typing with content", async (page) => {
    const chat = await page.connected();
    chat.call("sendEvent", { contentType: TYPING, content: '{"a":1}' });
    await page.pass(100);
  });

  scenario("other events between typing", { differs: ["L17"] }, async (page) => {
    const chat = await page.connected();
    typing(chat, 1);
    chat.call("sendEvent", { contentType: ACKNOWLEDGED });
    typing(chat, 2);
    chat.call("sendEvent", { contentType: ACKNOWLEDGED });
    await page.pass(100);
  });

  scenario("typing in two chats", { differs: ["D9"] }, async (page) => {
    const one = await page.connected();
    const two = await page.connected({
      chatDetails: { contactId: "other", participantId: "p2", participantToken: "t2" },
    });
    typing(one, 1);
    typing(two, 2);
    await page.pass(1_000);
  });

  scenario("an event meets an error of the service", async (page) => {
    const chat = await page.connected();
    page.service.answer("event", INTERNAL);
    chat.call("sendEvent", { contentType: ACKNOWLEDGED });
    await page.pass(5_000);
  });

  scenario("an event is refused with 409", async (page) => {
    const chat = await page.connected();
    page.service.answer("event", refusal(409, "ConflictException"));
    chat.call("sendEvent", { contentType: ACKNOWLEDGED, metadata: "m" });
    await page.pass(5_000);
  });
}
