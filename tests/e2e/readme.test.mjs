// Pages written for amazon-connect-chatjs as its READMEs teach it, of 1.0.x and of 5.0.0: nothing
// but the address of the script is changed. They have to see what they see with the original.

import assert from "node:assert/strict";

import { original, ours } from "./lib/libraries.mjs";
import { picture } from "./lib/picture.mjs";
import { openShop } from "./lib/site.mjs";
import { event, scenario } from "./lib/stage.mjs";
import { byKind, plain } from "./lib/trace.mjs";

const TYPING = event("typing");
const JOINED = event("participant.joined");

/** Runs the same chat with the original and with each of ours, which have to see the same. */
function alike(name, chat) {
  scenario(name, async (stage) => {
    const each = [original, ...ours].map(async (library) => chat(stage, library));
    const [expected, ...others] = await Promise.all(each);
    for (const [index, library] of ours.entries()) {
      assert.deepEqual(others[index], expected, library.name);
    }
  });
}

/** Writes into the page's field as a person does. */
async function write(page, text) {
  await page.getByLabel("Your message").fill(text);
  await page.keyboard.press("Enter");
}

const said = (text) => (entry) => entry.told === "message" && entry.data.data.Content === text;
const byAgent = (contentType) => (entry) =>
  entry.data?.data?.ContentType === contentType && entry.data.data.ParticipantRole === "AGENT";

/** What the page was told, what it asked and what its calls came to, to be compared. */
function seen({ told, requests }, outcomes) {
  return { ...outcomes, ...byKind(told.entries), ...byKind(requests) };
}

alike("a page written for 1.0.x runs unchanged", async (stage, library) => {
  const server = await stage.server();
  const shop = await openShop(stage, server, library, "shop-1.js");
  const { page, told, outcome } = shop;
  const agent = stage.agent(server);
  const outcomes = {};
  const call = async (name, run, argument) => {
    outcomes[name] = plain(await outcome(run, argument));
    return outcomes[name];
  };

  const details = await page.evaluate(() => startChat("Jane"));
  const { value } = await call("connect", (details) => open(details), details);
  assert.deepEqual([value.connectSuccess, value.metadata], [true, "first"]);
  await told.find("greeting", ({ data }) => data.data?.ParticipantRole === "SYSTEM");
  await page.getByText("Connected", { exact: true }).waitFor();
  await write(page, "an agent, please");
  await told.find("the agent", byAgent(JOINED));
  await agent.events.find("its place in the chat", ({ type }) => type === "caughtUp");
  agent.do({ typing: true });
  await told.find("typing", byAgent(TYPING));
  agent.do({ send: "Hello Jane" });
  await told.find("an answer", said("Hello Jane"));
  await page.getByText("Hello Jane", { exact: true }).waitFor();
  await picture(page, `shop-with-${library.name}`);

  const typing = () =>
    chatSession.sendEvent({ contentType: "application/vnd.amazonaws.connect.event.typing" });
  await call("typing", typing);
  await agent.sees(TYPING, "CUSTOMER");
  await call("typing again", typing);
  const wrong = await call("a message of another type", () =>
    chatSession.sendMessage({ message: "<p>", contentType: "text/html" }),
  );
  assert.equal(wrong.threw.error, "IllegalArgument");
  const none = await call("a message that is none", () =>
    chatSession.sendMessage({ message: 5, contentType: "text/plain" }),
  );
  assert.equal(none.threw.error, "IllegalArgument");
  const empty = await call("an empty message", () =>
    chatSession.sendMessage({ message: "", contentType: "text/plain", metadata: 1 }),
  );
  assert.deepEqual([empty.rejected.type, empty.rejected.metadata], ["ValidationException", 1]);
  const long = "long ".repeat(300);
  await call(
    "more than 1,024 characters",
    (text) => chatSession.sendMessage({ message: text, contentType: "text/plain" }),
    long,
  );
  await agent.hears(long);
  await told.find("its echo", said(long));
  for (const name of ["transfer.succeed", "nonsense"]) {
    const { threw } = await call(
      `event ${name}`,
      (contentType) => chatSession.sendEvent({ contentType }),
      event(name),
    );
    assert.equal(threw.error, "IllegalArgument");
  }
  await call("an event that a customer may not send", () =>
    chatSession.sendEvent({
      contentType: "application/vnd.amazonaws.connect.event.transfer.succeeded",
      content: null,
    }),
  );

  const page15 = await call("transcript", () => chatSession.getTranscript({ metadata: "mine" }));
  assert.equal(page15.value.metadata, "mine");
  assert.equal(page15.value.data.Transcript.at(-1).Content, long);
  await call("transcript without arguments", () => chatSession.getTranscript());
  await call("transcript of null", () => chatSession.getTranscript(null));
  const latest = await call("transcript, newest first", () =>
    chatSession.getTranscript({ sortOrder: "DESCENDING", maxResults: 2 }),
  );
  assert.equal(latest.value.data.Transcript[0].Content, long);
  const future = await call("transcript of the future", () =>
    chatSession.getTranscript({ scanDirection: "FORWARD" }),
  );
  assert.deepEqual(future.value.data.Transcript, []);
  const forward = await call("transcript from its first item", async () => {
    const { data } = await chatSession.getTranscript({ maxResults: 100 });
    return chatSession.getTranscript({
      scanDirection: "FORWARD",
      startPosition: { id: data.Transcript[0].Id },
    });
  });
  assert.equal(forward.value.data.Transcript.at(-1).Content, long);

  await page.getByRole("button", { name: "Leave" }).click();
  await told.find("the end", (entry) => entry.told === "ended");
  await page.getByText("The chat has ended").waitFor();
  const over = await call("after the end", () =>
    chatSession.sendMessage({ message: "too late", contentType: "text/plain" }),
  );
  assert.equal(over.rejected, "Failed to call sendMessage, No active connection");
  agent.do({ disconnect: true });

  const lines = await page.evaluate(() => lines);
  assert.ok(lines.length > 0 && lines.every(([level, line]) => level !== "debug" && line !== ""));
  return seen(shop, outcomes);
});

alike("a page written for 5.0.0 runs unchanged, over a reload too", async (stage, library) => {
  const server = await stage.server();
  const shop = await openShop(stage, server, library, "shop-5.js");
  const { page, told, outcome } = shop;
  const agent = stage.agent(server);
  const outcomes = {};
  const call = async (name, run, argument) => {
    outcomes[name] = plain(await outcome(run, argument));
    return outcomes[name];
  };

  const { value } = await call("connect", () => open("Jane"));
  assert.deepEqual(value.metadata, { attempt: 1 });
  await told.find("greeting", ({ data }) => data.data?.ParticipantRole === "SYSTEM");
  await write(page, "an agent, please");
  await told.find("the agent", byAgent(JOINED));
  await agent.events.find("its place in the chat", ({ type }) => type === "caughtUp");
  agent.do({ send: "Hello **Jane**", contentType: "text/markdown" });
  const hello = await told.find("an answer", said("Hello **Jane**"));
  const mine = await told.find("what was sent", ({ told }) => told === "sent");
  assert.deepEqual(mine.data.metadata, { foo: "bar" });

  const receipt = await call(
    "read receipt",
    (messageId) =>
      chatSession.sendEvent({
        contentType: "application/vnd.amazonaws.connect.event.message.read",
        content: JSON.stringify({ messageId }),
      }),
    hello.data.data.Id,
  );
  assert.ok(receipt.value.data.Id);
  await agent.events.find(
    "the receipt",
    ({ type, messageId }) => type === "receipt" && messageId === hello.data.data.Id,
  );
  await call(
    "read receipt again",
    (messageId) =>
      chatSession.sendEvent({
        contentType: "application/vnd.amazonaws.connect.event.message.read",
        content: JSON.stringify({ messageId }),
      }),
    hello.data.data.Id,
  );
  await call("read receipt of nothing", () =>
    chatSession.sendEvent({
      contentType: "application/vnd.amazonaws.connect.event.message.read",
      content: "{}",
    }),
  );
  await call("content that is no JSON", () =>
    chatSession.sendEvent({
      contentType: "application/vnd.amazonaws.connect.event.participant.invited",
      content: "no JSON",
    }),
  );
  await call("details", () => chatSession.getChatDetails());
  await call("methods", () =>
    Object.keys(chatSession)
      .concat(Object.getOwnPropertyNames(Object.getPrototypeOf(chatSession)))
      .filter((name) => typeof chatSession[name] === "function" && !name.startsWith("_"))
      .filter((name) => name !== "constructor")
      .sort(),
  );
  await call("an unknown view", () => chatSession.describeView({ viewToken: "none" }));
  await call("an unknown attachment", () => chatSession.getAttachmentURL({ attachmentId: "none" }));
  await call("its download", () => chatSession.downloadAttachment({ attachmentId: "none" }));
  await call("a sign-in that nobody asked for", () =>
    chatSession.getAuthenticationUrl({ redirectUri: "https://shop.example", sessionId: "none" }),
  );
  await call("giving it up", () =>
    chatSession.cancelParticipantAuthentication({ sessionId: "none" }),
  );
  const shown = () => page.getByRole("listitem").allInnerTexts();
  await page.getByText("Hello **Jane**", { exact: true }).waitFor();
  const before = await shown();
  outcomes["shown"] = before;
  // An item has other members when it came over the socket than when it was read: both may be first.
  await call("the list", () =>
    transcript.map(({ Type, ContentType, Content, ParticipantRole }) => ({
      Type,
      ContentType,
      Content,
      ParticipantRole,
    })),
  );

  await page.reload();
  const from = told.length;
  agent.do({ send: "Are you still there?" });
  await agent.events.find("its own words", ({ content }) => content === "Are you still there?");
  await call("connect after the reload", () => open("nobody"));
  await page.getByText("Are you still there?", { exact: true }).waitFor();
  outcomes["shown after the reload"] = await shown();
  assert.deepEqual(outcomes["shown after the reload"], [...before, "Are you still there?"]);
  await write(page, "Here I am");
  await agent.hears("Here I am");
  await told.find("its echo", said("Here I am"), { from });

  await page.getByRole("button", { name: "Leave" }).click();
  await told.find("the end", (entry) => entry.told === "ended");
  await page.getByText("The chat has ended").waitFor();
  for (const method of ["sendMessage", "getTranscript", "sendEvent"]) {
    await call(`${method} after the end`, (method) => chatSession[method]({}), method);
  }
  return seen(shop, outcomes);
});
