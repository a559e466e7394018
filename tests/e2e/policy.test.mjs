// Pages whose content policy allows hardly anything, and no text where a script or its address belongs.

import assert from "node:assert/strict";

import { classic, inlined, original, plainScript, slim } from "./lib/libraries.mjs";
import { openShop } from "./lib/site.mjs";
import { scenario } from "./lib/stage.mjs";

const WASM = "'self' 'wasm-unsafe-eval'";
const STRICT = "'self'";

/** The page takes no text where a script or its address belongs, but for what the library vouches for. */
const TRUSTED = "require-trusted-types-for 'script'; trusted-types chatloom; ";

/** Opens the shop under a policy; gives the page and what the policy forbade there. */
async function guarded(stage, server, library, scripts, trusted = TRUSTED) {
  const { host } = new URL(server.url);
  const policy =
    `default-src 'none'; script-src ${scripts}; style-src 'self'; ` +
    trusted +
    `connect-src 'self' http://${host} ws://${host}`;
  const headers = { "content-security-policy": policy };
  const opened = await openShop(stage, server, library, "shop-5.js", { headers });
  const forbidden = [];
  await opened.page.exposeFunction("forbid", (what) => forbidden.push(what));
  await opened.page.evaluate(() =>
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
      forbid(`${violatedDirective}: ${blockedURI}`),
    ),
  );
  return { ...opened, forbidden };
}

/** A question to the assistant, and its answer. */
async function ask({ page, told }) {
  await page.evaluate(() => open("Jane"));
  await told.find("greeting", ({ data }) => data.data?.ParticipantRole === "SYSTEM");
  await page.getByLabel("Your message").fill("When are you open?");
  await page.keyboard.press("Enter");
  await page.getByText("Monday to Friday").waitFor();
}

scenario("a page allows wasm, or not even that: each has an entry that works", async (stage) => {
  const server = await stage.server();
  const pages = [
    [classic, WASM],
    [inlined, WASM],
    [slim, WASM],
    [plainScript, STRICT],
  ];
  const run = async ([library, scripts], chatloom) => {
    const shop = await guarded(stage, server, library, scripts);
    if (chatloom) {
      await shop.page.evaluate(() => connect.ChatSession.setGlobalConfig({ chatloom: {} }));
    }
    await ask(shop);
    assert.deepEqual(shop.forbidden, [], library.name);
  };
  await Promise.all(pages.map((page) => run(page)));
  // What is loaded for Chatloom behaviour fits as well.
  await Promise.all([pages[0], pages[1], pages[3]].map((page) => run(page, true)));
});

scenario("a page that forbids wasm is told so, and what to do", async (stage) => {
  const server = await stage.server();
  const { outcome } = await guarded(stage, server, classic, STRICT);
  const { threw, rejected } = await outcome(() => open("Jane"));
  assert.match((threw ?? rejected).message, /'wasm-unsafe-eval'/);
});

scenario("a session adds nothing to the page, where the original adds a script", async (stage) => {
  const server = await stage.server();
  const create = async (library) => {
    const shop = await guarded(stage, server, library, WASM, "");
    const elements = () => shop.page.evaluate(() => document.scripts.length);
    const before = await elements();
    await shop.page.evaluate(() =>
      connect.ChatSession.create({
        chatDetails: { contactId: "c", participantId: "p", participantToken: "t" },
        type: "CUSTOMER",
      }),
    );
    return { added: (await elements()) - before, forbidden: shop.forbidden };
  };
  const [theirs, ours] = await Promise.all([original, classic].map(create));
  assert.ok(theirs.added > 0 && theirs.forbidden.length > 0, JSON.stringify(theirs));
  assert.deepEqual(ours, { added: 0, forbidden: [] });
});
