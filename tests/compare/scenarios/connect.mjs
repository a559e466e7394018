// connect(): what is asked, what comes back, and in which order.
import { START } from "../lib/clock.mjs";
import { FORBIDDEN, INTERNAL, NEVER, refusal, THROTTLED, UNREACHABLE } from "../lib/service.mjs";

/** Answers to the first CreateParticipantConnection that make connect() reject. */
const FAILURES = {
  403: FORBIDDEN,
  400: refusal(400, "ValidationException", "Token is not valid"),
  404: refusal(404, "ResourceNotFoundException"),
  409: refusal(409, "ConflictException"),
  "the network's failure": UNREACHABLE,
  "a gateway's 403": { status: 403, body: { message: "Forbidden" } },
  "403 without a name and a text": { status: 403, body: {} },
  "an error named in the body by __type": {
    status: 400,
    body: { __type: "com.example#ValidationException", message: "no" },
  },
  "an error named in the body by code": {
    status: 400,
    body: { code: "ValidationException", message: "no" },
  },
  "an error with an address behind its name": {
    status: 400,
    headers: { "x-amzn-ErrorType": "ValidationException:http://internal.amazon.com/x" },
    body: { message: "no" },
  },
  "an error nobody knows": refusal(418, "TeapotException", "I am one"),
};

export default function define(scenario) {
  scenario("resolves before the socket opens", async (page) => {
    const chat = page.create();
    page.show("getChatDetails()", chat.session.getChatDetails());
    chat.call("connect", { metadata: { mine: 1 } });
    await page.pass(10);
    page.show("getChatDetails()", chat.session.getChatDetails());
    await page.pass(10);
    await page.pass(100);
  });

  for (const [what, args] of Object.entries({
    nothing: [],
    "an empty object": [{}],
    "metadata that is falsy": [{ metadata: 0 }],
    "a text as metadata": [{ metadata: "m" }],
  })) {
    scenario(`called with ${what}`, async (page) => {
      const chat = page.create();
      chat.call("connect", ...args);
      await page.pass(100);
    });
  }

  scenario("called with null", async (page) => {
    page.create().call("connect", null);
    await page.pass(100);
  });

  for (const [what, failure] of Object.entries(FAILURES)) {
    scenario(
      `rejects: ${what}`,
      { differs: failure === UNREACHABLE ? ["L1"] : [] },
      async (page) => {
        const chat = page.create();
        page.service.answer("connection", failure);
        chat.call("connect", { metadata: "m" });
        await page.pass(25_000);
        page.show("getChatDetails()", chat.session.getChatDetails());
        chat.call("sendMessage", { message: "hello", contentType: "text/plain" });
        await page.pass(100);
      },
    );
  }

  for (const [what, failure] of Object.entries({
    429: THROTTLED,
    500: INTERNAL,
    502: { status: 502, body: "<html>" },
    503: refusal(503, "ServiceUnavailable"),
    504: refusal(504, "GatewayTimeout"),
  })) {
    const differs = what === "502" ? ["L3"] : [];
    scenario(`three attempts after ${what}`, { differs }, async (page) => {
      const chat = page.create();
      page.service.always("connection", failure);
      chat.call("connect");
      await page.pass(30_000);
    });
    scenario(`the second attempt succeeds after ${what}`, { differs }, async (page) => {
      const chat = page.create();
      page.service.answer("connection", failure);
      chat.call("connect");
      await page.pass(30_000);
    });
  }

  const hints = { seconds: "7", "a date": new Date(START + 7_000).toUTCString() };
  for (const [what, hint] of Object.entries(hints)) {
    const differs = what === "seconds" ? ["L24"] : [];
    scenario(`the service asks for a wait, in ${what}`, { differs }, async (page) => {
      const chat = page.create();
      const headers = { ...THROTTLED.headers, "Retry-After": hint };
      page.service.answer("connection", { ...THROTTLED, headers });
      chat.call("connect");
      await page.pass(6_900);
      await page.pass(300);
    });
  }

  scenario("an answer that is no JSON", { differs: ["L4"] }, async (page) => {
    const chat = page.create();
    page.service.always("connection", { status: 200, body: "<html>" });
    chat.call("connect");
    await page.pass(30_000);
  });

  for (const [what, body] of Object.entries({
    Websocket: {
      ConnectionCredentials: { ConnectionToken: "t", Expiry: "2026-01-06T09:00:00.000Z" },
    },
    ConnectionCredentials: {
      Websocket: { Url: "wss://sockets.test/", ConnectionExpiry: "2026-01-05T09:01:40.000Z" },
    },
    anything: {},
  })) {
    scenario(`an answer without ${what}`, { differs: ["L4"] }, async (page) => {
      const chat = page.create();
      page.service.always("connection", { status: 200, body });
      chat.call("connect");
      await page.pass(100);
    });
  }

  scenario("an answer that never comes", async (page) => {
    const chat = page.create();
    page.service.answer("connection", NEVER);
    chat.call("connect");
    await page.pass(5_000);
  });

  for (const url of [
    "ws://localhost:8080/",
    "https://sockets.test/",
    "wss://sockets.test/one",
    "ws://127.0.0.1:8080/two",
  ]) {
    const differs = /localhost|https/.test(url) ? ["L16"] : [];
    scenario(`the socket's address ${url}`, { differs }, async (page) => {
      const chat = page.create();
      const Websocket = { Url: url, ConnectionExpiry: "2026-01-05T09:01:40.000Z" };
      page.service.always("connection", { members: { Websocket } });
      chat.call("connect");
      await page.pass(1_000);
    });
  }

  scenario(
    "a second call while the first is under way or done",
    { differs: ["D5"] },
    async (page) => {
      const chat = page.create();
      chat.call("connect");
      chat.call("connect");
      await page.pass(100);
      chat.call("connect");
      await page.pass(100);
    },
  );

  scenario("a second call after a failure", { differs: ["D5"] }, async (page) => {
    const chat = page.create();
    page.service.answer("connection", FORBIDDEN);
    chat.call("connect");
    await page.pass(100);
    chat.call("connect");
    await page.pass(100);
  });

  scenario("getConnectionStatus of the controller", async (page) => {
    const chat = page.create({}, { callbacks: [] });
    const status = () =>
      page.attempt("status", () => {
        try {
          return chat.session.controller.getConnectionStatus();
        } catch (error) {
          return error.name;
        }
      });
    status();
    chat.call("connect");
    await page.pass(10);
    status();
    await page.pass(20);
    status();
    await page.pass(100);
    status();
    page.service.always("connection", NEVER);
    page.service.drop();
    await page.pass(100);
    status();
  });

  scenario("the first socket is refused once", { differs: ["L2"] }, async (page) => {
    page.service.handshakes = ["refuse"];
    const chat = page.create();
    chat.call("connect");
    await page.pass(60_000);
  });

  scenario("the controller's members that applications read", async (page) => {
    const { session } = await page.connected();
    const { controller } = session;
    for (const name of [
      "contactId",
      "initialContactId",
      "participantId",
      "participantToken",
      "sessionType",
      "connectionDetails",
    ]) {
      page.show(name, controller[name]);
    }
    page.show("the token", controller.connectionHelper?.getConnectionToken());
    page.show(
      "the details' token",
      controller.connectionDetailsProvider?.getFetchedConnectionToken(),
    );
  });
}
