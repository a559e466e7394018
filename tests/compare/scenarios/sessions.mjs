// Several sessions in one page.
import { ended, message } from "../lib/items.mjs";

const other = (contactId) => ({
  contactId,
  participantId: `p-${contactId}`,
  participantToken: `t-${contactId}`,
});
const HELLO = { message: "hello", contentType: "text/plain" };

export default function define(scenario) {
  scenario("two chats have a socket each", async (page) => {
    const one = await page.connected();
    const two = await page.connected({ chatDetails: other("two") });
    page.service.item(message(1));
    page.service.item(message(2, { InitialContactId: "two", ContactId: "two" }));
    await page.pass(100);
    one.call("sendMessage", HELLO);
    two.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.item(ended());
    await page.pass(30_000);
    one.call("sendMessage", HELLO);
    two.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("two sessions of one contact share a socket", async (page) => {
    await page.connected();
    const two = page.create();
    two.call("connect");
    await page.pass(15_000);
    page.service.item(message(1));
    await page.pass(100);
    page.service.drop();
    await page.pass(15_000);
  });

  scenario("two sessions of one contact connect at once", async (page) => {
    const one = page.create();
    const two = page.create();
    one.call("connect");
    two.call("connect");
    await page.pass(15_000);
  });

  scenario("a session that is not connected hears nothing", async (page) => {
    await page.connected();
    page.create();
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("a new session after the end of one of the same contact", async (page) => {
    await page.connected();
    page.service.item(ended());
    await page.pass(100);
    const two = await page.connected();
    page.service.item(message(1));
    two.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("a new session in place of a broken one", async (page) => {
    const one = await page.connected();
    page.service.answer("connection", {
      status: 400,
      headers: { "x-amzn-ErrorType": "ValidationException" },
      body: { Message: "no" },
    });
    page.service.drop();
    await page.pass(5_000);
    one.call("getTranscript", {});
    const two = await page.connected();
    page.service.item(message(1));
    two.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("receipts reach the sessions of all contacts on a socket", async (page) => {
    const details = (contactId) => ({
      ...other(contactId),
      contactId: "shared",
      initialContactId: contactId,
    });
    await page.connected({ chatDetails: details("one") });
    await page.connected({ chatDetails: details("two") });
    page.service.item(message(1, { InitialContactId: "one", ContactId: "elsewhere" }));
    page.service.item(message(2, { InitialContactId: "two", ContactId: "elsewhere" }));
    await page.pass(100);
  });
}
