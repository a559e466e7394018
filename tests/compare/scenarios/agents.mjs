// Sessions of agents: tokens from the application, a socket that it owns, many chats on it.
import { START } from "../lib/clock.mjs";
import { ended, happened, message, receipt, time } from "../lib/items.mjs";
import { Manager } from "../lib/manager.mjs";
import { FORBIDDEN, INTERNAL, UNREACHABLE } from "../lib/service.mjs";

const HELLO = { message: "hello", contentType: "text/plain" };
const MINUTE = 60_000;

/** A session of an agent; `tokens` says how `getConnectionToken` ends, one call after the other. */
function agent(
  page,
  { manager, contact = "contact", tokens = ["usual"], callbacks, ...more } = {},
) {
  let calls = 0;
  const getConnectionToken = () => {
    calls++;
    page.sent(`getConnectionToken is called for ${contact}`);
    const token = tokens.length > 1 ? tokens.shift() : tokens[0];
    if (typeof token === "function") return token();
    const chatTokenTransport = {
      participantToken: `agent-token-${calls}`,
      expiry: new Date(
        START + Math.floor(page.clock.now / 10_000) * 10_000 + 60 * MINUTE,
      ).toISOString(),
    };
    return Promise.resolve({ chatTokenTransport });
  };
  const chatDetails = {
    contactId: contact,
    participantId: "agent",
    participantToken: "participant-token",
    getConnectionToken,
  };
  const args = { type: "AGENT", chatDetails, websocketManager: manager, ...more };
  return page.create(args, callbacks && { callbacks });
}

async function connected(page, options) {
  const chat = agent(page, options);
  chat.call("connect");
  await page.pass(100);
  return chat;
}

export default function define(scenario) {
  const plain = (title, run, options = {}) =>
    scenario(title, options, async (page) => {
      const manager = new Manager(page);
      const chat = await connected(page, { manager });
      await run(page, { manager, chat });
    });

  scenario("connect with a manager", async (page) => {
    const manager = new Manager(page);
    const chat = agent(page, { manager });
    page.show("getChatDetails()", chat.session.getChatDetails());
    chat.call("connect", { metadata: "m" });
    await page.pass(100);
    page.show("getChatDetails()", chat.session.getChatDetails());
    manager.tell("gain");
    await page.pass(60_000);
  });

  plain("the manager's socket is lost and gained", async (page, { manager }) => {
    manager.tell("gain");
    await page.pass(100);
    manager.tell("lost", { code: 1006 });
    await page.pass(20_000);
    manager.tell("gain");
    await page.pass(100);
  });

  plain("the manager gives up", async (page, { manager, chat }) => {
    manager.tell("gain");
    manager.tell("failure");
    await page.pass(100);
    manager.item(message(1));
    chat.call("sendMessage", HELLO);
    await page.pass(60_000);
  });

  plain("deep heartbeats of the manager", async (page, { manager }) => {
    manager.tell("deep success");
    manager.tell("deep failure", { statusCode: 500 });
    await page.pass(100);
  });

  plain("items of this chat, of another, and receipts", async (page, { manager }) => {
    manager.item(message(1));
    manager.item(message(2, { InitialContactId: "x", ContactId: "x" }));
    manager.item(
      receipt(3, "m", [{ RecipientParticipantId: "customer", ReadTimestamp: time(1) }], {
        InitialContactId: "x",
        ContactId: "x",
      }),
    );
    manager.item(happened(4, "typing", { ParticipantRole: "CUSTOMER" }));
    await page.pass(100);
  });

  plain("methods use the application's token", async (page, { chat }) => {
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    chat.call("getTranscript", {});
    await page.pass(100);
    chat.call("describeView", { viewToken: "v" });
    await page.pass(100);
    chat.call("sendAttachment", {
      attachment: new page.realm.global.File(["c"], "a.txt", { type: "text/plain" }),
    });
    await page.pass(100);
  });

  plain("disconnectParticipant is not there", async (page, { chat }) => {
    chat.call("disconnectParticipant");
  });

  plain(
    "cleanUpOnParticipantDisconnect takes the callbacks away",
    async (page, { manager, chat }) => {
      chat.call("cleanUpOnParticipantDisconnect");
      manager.item(message(1));
      await page.pass(100);
      chat.call("sendMessage", HELLO);
      await page.pass(100);
    },
  );

  plain("the chat ends", async (page, { manager, chat }) => {
    manager.item(ended());
    await page.pass(100);
    manager.item(message(901));
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  plain("a transfer ends what the session hears", async (page, { manager, chat }) => {
    manager.item(happened(1, "transfer.succeeded"));
    await page.pass(100);
    manager.item(message(2));
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  plain("a transfer that failed ends nothing", async (page, { manager }) => {
    manager.item(happened(1, "transfer.failed"));
    manager.item(message(2));
    await page.pass(100);
  });

  scenario("a manager without deep heartbeats", async (page) => {
    const manager = new Manager(page, { deep: false });
    await connected(page, { manager });
    manager.item(message(1));
    await page.pass(100);
    page.show("listeners", [
      manager.count("message aws/chat"),
      manager.count("gain"),
      manager.count("lost"),
      manager.count("failure"),
    ]);
  });

  scenario("a manager that can close stays open when a chat ends", async (page) => {
    const manager = new Manager(page, { closes: true });
    await connected(page, { manager });
    manager.item(ended());
    await page.pass(100);
  });

  scenario("the acknowledgement fails", async (page) => {
    const manager = new Manager(page);
    page.service.always("connection", FORBIDDEN);
    await connected(page, { manager });
    await page.pass(60_000);
  });

  scenario("the acknowledgement fails for a moment", async (page) => {
    const manager = new Manager(page);
    page.service.answer("connection", INTERNAL);
    await connected(page, { manager });
    await page.pass(60_000);
  });

  const failures = {
    rejects: () => Promise.reject(new Error("no")),
    "gives nothing": () => Promise.resolve(undefined),
    "gives no transport": () => Promise.resolve({}),
  };
  for (const [what, token] of Object.entries(failures)) {
    scenario(`getConnectionToken ${what}: the service is asked`, async (page) => {
      const chat = await connected(page, { manager: new Manager(page), tokens: [token] });
      page.show("getChatDetails()", chat.session.getChatDetails());
      chat.call("sendMessage", HELLO);
      await page.pass(100);
    });
  }

  scenario("getConnectionToken throws", { differs: ["L27"] }, async (page) => {
    const chat = await connected(page, {
      manager: new Manager(page),
      tokens: [
        () => {
          throw page.realm.error("Error", "no");
        },
      ],
    });
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  for (const [what, answer] of Object.entries({
    refuses: FORBIDDEN,
    "cannot be reached": UNREACHABLE,
  })) {
    const differs = answer === UNREACHABLE ? ["L1"] : [];
    scenario(`getConnectionToken rejects, and the service ${what}`, { differs }, async (page) => {
      page.service.always("connection", answer);
      agent(page, { manager: new Manager(page), tokens: [failures.rejects] }).call("connect");
      await page.pass(30_000);
    });
  }

  scenario("no getConnectionToken", async (page) => {
    const chat = page.create({
      type: "AGENT",
      chatDetails: { contactId: "contact", participantId: "agent", participantToken: "t" },
      websocketManager: new Manager(page),
    });
    chat.call("connect");
    await page.pass(1_000);
  });

  scenario("GetConnectionToken in capitals", async (page) => {
    const GetConnectionToken = () =>
      Promise.resolve({ chatTokenTransport: { participantToken: "t", expiry: time(3_600) } });
    const chat = page.create({
      type: "AGENT",
      chatDetails: { contactId: "contact", participantId: "agent", GetConnectionToken },
      websocketManager: new Manager(page),
    });
    chat.call("connect");
    await page.pass(1_000);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  plain("the token is renewed a minute before it expires", async (page, { chat }) => {
    await page.pass(59 * MINUTE - 1_000);
    await page.pass(2_000);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("the renewal of the token fails", { differs: ["D4"] }, async (page) => {
    const chat = await connected(page, {
      manager: new Manager(page),
      tokens: ["usual", failures.rejects, "usual"],
    });
    page.service.answer("connection", FORBIDDEN, FORBIDDEN);
    await page.pass(70 * MINUTE);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("no manager", async (page) => {
    await connected(page, {});
    await page.pass(30_000);
  });

  scenario("two chats on one manager", async (page) => {
    const manager = new Manager(page);
    const one = await connected(page, { manager, contact: "contact" });
    manager.tell("gain");
    const two = await connected(page, { manager, contact: "two" });
    manager.item(message(1));
    manager.item(message(2, { InitialContactId: "two", ContactId: "two" }));
    await page.pass(100);
    manager.item(ended());
    await page.pass(100);
    manager.item(message(3, { InitialContactId: "two", ContactId: "two" }));
    one.call("sendMessage", HELLO);
    two.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("another manager takes the place of the first", async (page) => {
    const [first, second] = [new Manager(page), new Manager(page)];
    await connected(page, { manager: first, contact: "contact" });
    await connected(page, { manager: second, contact: "two" });
    first.item(message(1));
    second.item(message(2, { InitialContactId: "two", ContactId: "two" }));
    second.item(message(3));
    await page.pass(100);
  });

  scenario("typing in two chats of an agent", { differs: ["D9"] }, async (page) => {
    const manager = new Manager(page);
    const one = await connected(page, { manager, contact: "contact" });
    const two = await connected(page, { manager, contact: "two" });
    for (const chat of [one, two])
      chat.call("sendEvent", { contentType: "application/vnd.amazonaws.connect.event.typing" });
    await page.pass(100);
  });

  scenario("the local echo of an agent", { differs: ["D16"] }, async (page) => {
    const manager = new Manager(page);
    const chat = await connected(page, { manager, callbacks: [] });
    chat.listen("onTranscriptUpdated");
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("the transcript of an agent is read when the socket is gained", async (page) => {
    const manager = new Manager(page);
    page.service.transcript = [{ Transcript: [message(1), message(2)] }];
    const chat = agent(page, { manager, callbacks: [] });
    chat.listen("onTranscriptUpdated");
    chat.call("connect");
    await page.pass(100);
    manager.tell("gain");
    await page.pass(100);
  });

  scenario("a customer with a manager", async (page) => {
    const manager = new Manager(page);
    const chat = page.create({ websocketManager: manager });
    chat.call("connect");
    await page.pass(100);
    manager.tell("gain");
    manager.item(message(1));
    await page.pass(100);
    manager.item(ended());
    await page.pass(100);
  });

  plain(
    "connect again",
    async (page, { chat }) => {
      chat.call("connect");
      await page.pass(100);
    },
    { differs: ["D5"] },
  );

  scenario("receipts of an agent", async (page) => {
    const chat = await connected(page, { manager: new Manager(page) });
    chat.call("sendEvent", {
      contentType: "application/vnd.amazonaws.connect.event.message.read",
      content: '{"messageId":"m"}',
    });
    await page.pass(10_000);
  });

  scenario("Streams is told of sessions", { differs: ["L23"] }, async (page) => {
    page.connect.publishMetric = (metric) =>
      page.sent(`publishMetric ${page.writer.value(metric)}`);
    page.connect.version = "2.28.1";
    await connected(page, { manager: new Manager(page) });
    page.attempt(
      "create",
      () => typeof page.ChatSession.create({ chatDetails: {}, type: "AGENT" }),
    );
    await page.pass(100);
  });
}
