// The end of a chat.
import { ended, happened, message } from "../lib/items.mjs";

export default function define(scenario) {
  scenario("the service says that the chat has ended", async (page) => {
    await page.connected();
    page.service.item(ended());
    await page.pass(60_000);
  });

  scenario("items after the end", async (page) => {
    await page.connected();
    page.service.item(ended());
    page.service.item(message(901));
    await page.pass(100);
  });

  scenario("the end comes twice", async (page) => {
    await page.connected();
    page.service.item(ended(900));
    page.service.item(ended(901));
    await page.pass(100);
  });

  scenario("another chat ends", async (page) => {
    await page.connected();
    page.service.item({ ...ended(), InitialContactId: "elsewhere", ContactId: "elsewhere" });
    await page.pass(100);
    page.service.item(message(1));
    await page.pass(100);
  });

  for (const name of ["participant.left", "transfer.succeeded"]) {
    scenario(`${name} ends nothing for a customer`, async (page) => {
      await page.connected();
      page.service.item(happened(1, name));
      await page.pass(100);
      page.service.item(message(2));
      await page.pass(100);
    });
  }

  scenario("messages between disconnectParticipant and the end", async (page) => {
    const chat = await page.connected();
    chat.call("disconnectParticipant");
    await page.pass(100);
    page.service.item(message(1));
    page.service.item(happened(2, "participant.left"));
    page.service.item(ended());
    await page.pass(100);
    chat.call("disconnectParticipant");
    await page.pass(100);
  });

  scenario("connect after the end", { differs: ["D5"] }, async (page) => {
    const chat = await page.connected();
    page.service.item(ended());
    await page.pass(100);
    chat.call("connect");
    await page.pass(1_000);
  });

  scenario("getChatDetails after the end", async (page) => {
    const chat = await page.connected();
    page.service.item(ended());
    await page.pass(100);
    page.show("getChatDetails()", chat.session.getChatDetails());
  });

  scenario("two sessions of one contact", async (page) => {
    const one = await page.connected();
    const two = await page.connected();
    page.service.item(message(1));
    await page.pass(100);
    page.service.item(ended());
    await page.pass(100);
    one.call("sendMessage", { message: "m", contentType: "text/plain" });
    two.call("sendMessage", { message: "m", contentType: "text/plain" });
    await page.pass(100);
  });
}
