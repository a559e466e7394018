// ChatJS beside Amazon Connect Streams and AWS SDKs on one page. The original documents four
// orders; ours has to work in any, and may neither touch `window.AWS` nor replace `connect`.

import assert from "node:assert/strict";

import { classic, original, sdk2With, sdk2Without, sdk3, streams } from "./lib/libraries.mjs";
import { openOrder, panelAddress } from "./lib/site.mjs";
import { scenario } from "./lib/stage.mjs";

const SDKS = [sdk2With, sdk2Without, sdk3];
const QUESTION = "When are you open?";

/** What the original's README says to do, without an SDK and with each of some. */
const documented = (library, sdks) => [
  [streams, library],
  ...sdks.map((sdk) => [streams, library, sdk]),
  [library],
  ...sdks.map((sdk) => [library, sdk]),
];

/** Other orders. */
const others = (library) => [
  [library, streams],
  ...SDKS.flatMap((sdk) => [
    [sdk, library],
    [sdk, streams, library],
  ]),
  [library, sdk3, streams],
];

/** A chat on a page with these libraries, and calls with the SDK that is there in the end. */
async function chat(stage, server, library, libraries, panel) {
  const name = libraries.map((library) => library.name).join(", ");
  const framed = libraries.includes(streams) && panel;
  const { page } = await openOrder(stage, server, libraries, library, framed);
  const { texts, token } = await page.evaluate((question) => ask(question), QUESTION);
  assert.equal(texts.length, 3, `${name}: greeting, question, answer: ${texts}`);
  const { sdkBy, ...seen } = await page.evaluate(() => seen());
  assert.deepEqual(
    seen,
    { connectReplaced: false, sdkChanged: false, version: "5.0.0" },
    `${name}: nothing is replaced`,
  );
  // Streams makes an `AWS` of its own, over one that is there.
  const by = (script) => SDKS.find(({ name }) => script === `${name}.js`);
  const sdk = by(sdkBy.at(-1));
  assert.ok(!sdkBy.includes(`${library.name}.js`), name);
  if (sdk) {
    const read = await page.evaluate((token) => readWithSdk(token), token);
    assert.deepEqual(read, sdk === sdk2Without ? null : texts, `${name}: the SDK works`);
  }
  await page.context().close();
}

/** Some pages at a time. */
async function each(orders, run) {
  const rest = [...orders];
  const worker = async () => {
    for (let order = rest.shift(); order; order = rest.shift()) await run(order);
  };
  await Promise.all([worker(), worker(), worker()]);
}

scenario("the original works in the orders that it documents", async (stage) => {
  const server = await stage.server();
  const panel = await panelAddress(stage, server);
  await each(documented(original, [sdk2With]), (order) =>
    chat(stage, server, original, order, panel),
  );
});

scenario("ours works beside Streams and any SDK, in any order", async (stage) => {
  const server = await stage.server();
  const panel = await panelAddress(stage, server);
  const orders = [...documented(classic, SDKS), ...others(classic)];
  await each(orders, (order) => chat(stage, server, classic, order, panel));
  // The original refuses to create a session where Streams has no panel.
  await chat(stage, server, classic, [streams, classic]);
});
