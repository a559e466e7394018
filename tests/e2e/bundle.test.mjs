// Our own bundle in Chromium: on the demo's page, and in the place of ChatJS on a page elsewhere.

import assert from "node:assert/strict";

import { picture } from "./lib/picture.mjs";
import { compare, converse, end, open, withAgent, writeUntilKilled } from "./lib/shop.mjs";
import { event, scenario } from "./lib/stage.mjs";

scenario("a customer on the demo's page talks to the assistant and to an agent", async (stage) => {
  const server = await stage.server();
  const page = await stage.page({ viewport: { width: 1280, height: 860 }, locale: "en-GB" });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  const violations = await page.context().newCDPSession(page);
  await violations.send("Log.enable");
  violations.on("Log.entryAdded", ({ entry }) => {
    if (entry.source === "security") wrong.push(entry.text);
  });
  await page.goto(server.url);
  await picture(page, "demo-1-welcome");

  const log = page.getByRole("log");
  const says = (text) => log.getByText(text, { exact: true }).waitFor();
  const write = async (text) => {
    await page.getByLabel("Your message").fill(text);
    await page.keyboard.press("Enter");
  };
  await page.getByLabel("Your name").fill("Jane <b>Doe</b>");
  await page.getByRole("button", { name: "Start chat" }).click();
  await log.getByText("I am the assistant of this demo").waitFor();
  await page.getByText("Connected", { exact: true }).waitFor();
  await write("When are you open?");
  await log.getByText("Monday to Friday").waitFor();
  await picture(page, "demo-2-assistant");

  await write("An agent, please");
  await says("An agent, please");
  const agent = stage.agent(server);
  const accepted = await agent.events.find("a chat", ({ type }) => type === "accepted");
  assert.equal(accepted.customerName, "Jane <b>Doe</b>");
  await log.getByText(/ joined$/).waitFor();
  await agent.hears("An agent, please");
  agent.do({ send: "Hello, how can I help? <img src=x onerror=alert(1)>" });
  await says("Hello, how can I help? <img src=x onerror=alert(1)>");
  agent.do({ typing: true });
  await page.getByText(/ is writing$/).waitFor();
  await picture(page, "demo-3-agent");

  // The server dies while the customer writes.
  await server.kill();
  await page.getByText("The connection is lost").waitFor();
  agent.do({ send: "This was written while the server was down" });
  await picture(page, "demo-4-lost");
  await server.start();
  await page.getByText("Connected", { exact: true }).waitFor();
  await says("This was written while the server was down");
  await write("I am back");
  await agent.hears("I am back");
  await says("I am back");
  await picture(page, "demo-5-back");

  agent.do({ disconnect: true });
  await says("The chat has ended");
  await page.getByRole("button", { name: "Start a new chat" }).waitFor();
  const texts = await log.locator(".bubble").allInnerTexts();
  assert.equal(new Set(texts).size, texts.length, `nothing is shown twice: ${texts}`);
  await picture(page, "demo-6-ended");
  assert.deepEqual(wrong, []);
});

scenario("the demo's page fits a phone and the dark", async (stage) => {
  const server = await stage.server();
  const page = await stage.page({
    viewport: { width: 390, height: 760 },
    colorScheme: "dark",
    reducedMotion: "reduce",
    hasTouch: true,
  });
  await page.goto(server.url);
  await page.getByRole("button", { name: "Start chat" }).tap();
  const log = page.getByRole("log");
  await log.getByText("I am the assistant of this demo").waitFor();
  await page.getByLabel("Your message").fill("long ".repeat(60) + "x".repeat(200));
  await page.getByRole("button", { name: "Send" }).tap();
  await log.getByText("I did not understand that").waitFor();
  const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!overflows, "nothing sticks out");
  await picture(page, "demo-7-phone");

  await page.getByRole("button", { name: "End chat" }).tap();
  await picture(page, "demo-8-leave");
  await page.getByRole("dialog").getByRole("button", { name: "End chat" }).tap();
  await log.getByText("The chat has ended").waitFor();
});

scenario(
  "our bundle in the place of ChatJS recovers by itself, on a desktop too",
  async (stage) => {
    const server = await stage.server();
    const agent = stage.agent(server);
    const { page, told } = await open(stage, { url: `${server.url}/dist/amazon-connect-chat.js` });
    const { session } = await withAgent(server, agent, page, told);
    await page.evaluate((session) => sendTyping(session), session);
    await agent.sees(event("typing"), "CUSTOMER");
    agent.do({ typing: true });
    await told.find(
      "typing",
      ({ kind, item }) => kind === "typing" && item.ParticipantRole === "AGENT",
    );
    await converse(agent, page, told, session, "before");

    const acknowledged = await writeUntilKilled(server, agent, page, told, session);
    await told.find("lost", ({ kind }) => kind === "lost");
    const from = told.length;
    await server.start();
    await told.find("established", ({ kind }) => kind === "established", { from });
    await converse(agent, page, told, session, "after");
    const transcript = await page.evaluate((session) => readTranscript(session), session);
    compare(transcript, acknowledged, agent.texts());
    assert.ok(!told.entries.some(({ kind }) => kind === "broken"));
    await end(agent, page, told, session);
  },
);
