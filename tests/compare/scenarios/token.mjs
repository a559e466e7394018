// The connection token: how long it is used, and how it is renewed.
import { ended } from "../lib/items.mjs";
import { FORBIDDEN, INTERNAL, refusal } from "../lib/service.mjs";

const HELLO = { message: "hello", contentType: "text/plain" };
const MINUTE = 60_000;

export default function define(scenario) {
  scenario("it is renewed a minute before it expires", async (page) => {
    page.service.connectionLifeMs = 10 * MINUTE;
    const chat = await page.connected();
    page.service.connectionLifeMs = 60 * MINUTE;
    await page.passQuietly(9 * MINUTE - 1_000);
    await page.passQuietly(2_000);
    chat.call("sendMessage", HELLO);
    await page.passQuietly(1_000);
    page.show("the details", chat.session.getChatDetails().connectionDetails.connectionToken);
  });

  scenario("it is renewed again and again", async (page) => {
    page.service.connectionLifeMs = 10 * MINUTE;
    await page.connected();
    await page.passQuietly(40 * MINUTE);
  });

  scenario("the renewal fails", { differs: ["D4"] }, async (page) => {
    page.service.connectionLifeMs = 10 * MINUTE;
    const chat = await page.connected();
    page.service.answer("connection", INTERNAL, INTERNAL, INTERNAL);
    await page.passQuietly(30 * MINUTE);
    chat.call("sendMessage", HELLO);
    await page.passQuietly(1_000);
  });

  scenario("the renewal is refused with 403", { differs: ["D4"] }, async (page) => {
    page.service.connectionLifeMs = 10 * MINUTE;
    const chat = await page.connected();
    page.service.answer("connection", FORBIDDEN);
    await page.passQuietly(12 * MINUTE);
    chat.call("sendMessage", HELLO);
    await page.passQuietly(1_000);
  });

  scenario("the service accepts it no longer", { differs: ["D4"] }, async (page) => {
    const chat = await page.connected();
    page.service.answer("message", FORBIDDEN);
    chat.call("sendMessage", HELLO);
    await page.passQuietly(5_000);
  });

  scenario("it is not accepted, and another is not given", { differs: ["D4"] }, async (page) => {
    const chat = await page.connected();
    page.service.always("message", FORBIDDEN);
    page.service.always("connection", refusal(400, "ValidationException"));
    chat.call("sendMessage", HELLO);
    await page.passQuietly(5_000);
  });

  for (const [what, Expiry] of Object.entries({
    missing: undefined,
    "no date": "soon",
    "less than a minute away": "2026-01-05T09:00:30.000Z",
  })) {
    scenario(`its expiry is ${what}`, { differs: ["L15"] }, async (page) => {
      page.service.always("connection", {
        members: { ConnectionCredentials: { ConnectionToken: "token", Expiry } },
      });
      page.service.latencyMs = 2_000;
      page.create().call("connect");
      await page.passQuietly(20_000);
    });
  }

  scenario("a reconnect brings another", async (page) => {
    const chat = await page.connected();
    page.service.drop();
    await page.pass(1_000);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.show("the details", chat.session.getChatDetails().connectionDetails.connectionToken);
  });

  scenario("nothing is renewed after the end", async (page) => {
    page.service.connectionLifeMs = 10 * MINUTE;
    await page.connected();
    page.service.item(ended());
    await page.pass(30 * MINUTE);
  });
}
