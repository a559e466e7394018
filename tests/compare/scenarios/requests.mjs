// The methods that ask the service for something.
import { ended, TYPING } from "../lib/items.mjs";
import { FORBIDDEN, INTERNAL, NEVER, refusal, THROTTLED, UNREACHABLE } from "../lib/service.mjs";

const HELLO = { message: "hello", contentType: "text/plain" };
const FILE = (page) => new page.realm.global.File(["content"], "notes.txt", { type: "text/plain" });

/** Each method with arguments that it takes, and the operations behind it. */
export const METHODS = {
  sendMessage: { args: () => [HELLO], operation: "message" },
  sendEvent: { args: () => [{ contentType: TYPING }], operation: "event" },
  sendAttachment: { args: (page) => [{ attachment: FILE(page) }], operation: "startUpload" },
  downloadAttachment: { args: () => [{ attachmentId: "attachment" }], operation: "attachment" },
  getAttachmentURL: { args: () => [{ attachmentId: "attachment" }], operation: "attachment" },
  getTranscript: { args: () => [{}], operation: "transcript" },
  describeView: { args: () => [{ viewToken: "view" }], operation: "view" },
  getAuthenticationUrl: {
    args: () => [{ redirectUri: "https://page.test/back", sessionId: "session" }],
    operation: "authenticationUrl",
  },
  cancelParticipantAuthentication: {
    args: () => [{ sessionId: "session" }],
    operation: "cancelAuthentication",
  },
  disconnectParticipant: { args: () => [], operation: "disconnect" },
};
const withMetadata = ([args]) => (args === undefined ? [] : [{ ...args, metadata: { mine: [1] } }]);

export default function define(scenario) {
  for (const [method, { args, operation }] of Object.entries(METHODS)) {
    scenario(`${method} succeeds`, async (page) => {
      const chat = await page.connected();
      chat.call(method, ...args(page));
      await page.pass(100);
    });

    scenario(`${method} gives the metadata back`, async (page) => {
      const chat = await page.connected();
      chat.call(method, ...withMetadata(args(page)));
      await page.pass(100);
    });

    scenario(`${method} before connect`, async (page) => {
      const chat = page.create();
      chat.call(method, ...args(page));
      await page.pass(100);
    });

    scenario(`${method} while connect is under way`, async (page) => {
      const chat = page.create();
      chat.call("connect");
      chat.call(method, ...args(page));
      await page.pass(100);
    });

    scenario(`${method} after the end of the chat`, async (page) => {
      const chat = await page.connected();
      page.service.item(ended());
      await page.pass(100);
      chat.call(method, ...args(page));
      await page.pass(100);
    });

    scenario(`${method} with undefined and with null`, async (page) => {
      const chat = await page.connected();
      chat.call(method, undefined);
      await page.pass(100);
      chat.call(method, null);
      await page.pass(100);
    });

    scenario(`${method} is refused`, async (page) => {
      const chat = await page.connected();
      page.service.always(operation, refusal(400, "ValidationException", "no"));
      chat.call(method, ...withMetadata(args(page)));
      await page.pass(10_000);
    });

    scenario(`${method} is throttled three times`, async (page) => {
      const chat = await page.connected();
      page.service.always(operation, THROTTLED);
      chat.call(method, ...args(page));
      await page.pass(9_000);
    });

    scenario(`${method} cannot reach the service`, async (page) => {
      const chat = await page.connected();
      page.service.always(operation, UNREACHABLE);
      chat.call(method, ...withMetadata(args(page)));
      await page.pass(9_000);
    });

    scenario(`${method} meets one error of the service`, async (page) => {
      const chat = await page.connected();
      page.service.answer(operation, INTERNAL);
      chat.call(method, ...args(page));
      await page.pass(5_000);
    });

    if (!["sendMessage", "getTranscript", "getAttachmentURL"].includes(method)) continue;
    scenario(`${method} gets a 403`, { differs: ["D4"] }, async (page) => {
      const chat = await page.connected();
      page.service.always(operation, FORBIDDEN);
      chat.call(method, ...args(page));
      await page.pass(5_000);
    });
  }

  const messages = {
    "an empty text": { message: "", contentType: "text/plain" },
    blanks: { message: "  \n ", contentType: "text/markdown" },
    "a long text": { message: "m".repeat(20_000), contentType: "text/plain" },
    JSON: { message: '{"a":1}', contentType: "application/json" },
    "an interactive answer": {
      message: "{}",
      contentType: "application/vnd.amazonaws.connect.message.interactive.response",
    },
    "an emoji and quotes": { message: 'a "\u{1F600}" \\ \u2028', contentType: "text/plain" },
    "half a character": { message: "a\ud83d", contentType: "text/plain" },
    "a client token of the application's": { ...HELLO, clientToken: "mine" },
    "an empty client token": { ...HELLO, clientToken: "" },
    "metadata that is falsy": { ...HELLO, metadata: 0 },
    "members nobody knows": { ...HELLO, mine: 1 },
    "the type of an event": { message: "m", contentType: TYPING },
    "the type of a file": { message: "m", contentType: "application/pdf" },
  };
  for (const [what, args] of Object.entries(messages)) {
    scenario(
      `sendMessage: ${what}`,
      { differs: what === "half a character" ? ["L18"] : [] },
      async (page) => {
        const chat = await page.connected();
        chat.call("sendMessage", args);
        await page.pass(100);
      },
    );
  }

  const invalid = {
    "a number": { message: 1, contentType: "text/plain" },
    "no message": { contentType: "text/plain" },
    "an object": { message: {}, contentType: "text/plain" },
    null: { message: null, contentType: "text/plain" },
    "an object of class String": { message: new String("m"), contentType: "text/plain" },
    "no content type": { message: "m" },
    "an unknown content type": { message: "m", contentType: "text/html" },
    "a content type that is an object's": { message: "m", contentType: "toString" },
  };
  for (const [what, args] of Object.entries(invalid)) {
    scenario(`sendMessage is not valid: ${what}`, async (page) => {
      const chat = page.create();
      chat.call("sendMessage", args);
      chat.call("connect");
      await page.pass(100);
      chat.call("sendMessage", args);
      await page.pass(100);
    });
  }

  const transcripts = {
    "all arguments": {
      contactId: "other",
      maxResults: 100,
      nextToken: "n",
      scanDirection: "FORWARD",
      sortOrder: "DESCENDING",
      startPosition: { id: "i", absoluteTime: "2026-01-01T00:00:00Z", mostRecent: 3 },
    },
    "falsy arguments": {
      maxResults: 0,
      nextToken: "",
      scanDirection: "",
      sortOrder: "",
      contactId: "",
      startPosition: null,
    },
    "an empty start position": { startPosition: {} },
    "a start position by id": { startPosition: { id: "item" } },
    "a start position by time": { startPosition: { absoluteTime: "2026-01-01T00:00:00Z" } },
    "a start position of the latest": { startPosition: { mostRecent: 30 } },
    "a start position in capitals": { startPosition: { Id: "item", MostRecent: 1 } },
    "values out of range": { maxResults: 1_000, scanDirection: "SIDEWAYS", sortOrder: "RANDOM" },
    "numbers as texts": { maxResults: "20" },
  };
  for (const [what, args] of Object.entries(transcripts)) {
    scenario(
      `getTranscript: ${what}`,
      { differs: what === "numbers as texts" ? ["L19"] : [] },
      async (page) => {
        const chat = await page.connected();
        page.service.transcript = [
          {
            Transcript: [{ Id: "item", Type: "MESSAGE", Extra: { deep: [1] } }],
            NextToken: "next",
          },
        ];
        chat.call("getTranscript", args);
        await page.pass(100);
      },
    );
  }

  for (const viewToken of ["a token", "a/b?c#d%e", "\u00e4\u{1F600}"]) {
    scenario(`describeView: the token ${JSON.stringify(viewToken)}`, async (page) => {
      const chat = await page.connected();
      chat.call("describeView", { viewToken });
      await page.pass(100);
    });
  }

  scenario("describeView: no token", { differs: ["L19"] }, async (page) => {
    const chat = await page.connected();
    chat.call("describeView", {});
    await page.pass(100);
  });

  scenario("the authentication calls without arguments", { differs: ["L19"] }, async (page) => {
    const chat = await page.connected();
    chat.call("getAuthenticationUrl", {});
    chat.call("cancelParticipantAuthentication", {});
    await page.pass(100);
  });

  scenario("two messages side by side, answered in the other order", async (page) => {
    const chat = await page.connected();
    const body = (Id) => ({ Id, AbsoluteTime: "2026-01-05T09:00:01.000Z" });
    page.service.answer(
      "message",
      { status: 200, body: body("first"), afterMs: 50 },
      { status: 200, body: body("second"), afterMs: 20 },
    );
    chat.call("sendMessage", { ...HELLO, metadata: 1 });
    chat.call("sendMessage", { ...HELLO, metadata: 2 });
    await page.pass(100);
  });

  scenario("a message whose answer never comes", async (page) => {
    const chat = await page.connected();
    page.service.answer("message", NEVER);
    chat.call("sendMessage", HELLO);
    await page.pass(5_000);
  });

  scenario(
    "an answer with members that the model does not have",
    { differs: ["L5"] },
    async (page) => {
      const chat = await page.connected();
      page.service.answer("message", { status: 200, body: { Id: "id", Extra: { deep: true } } });
      chat.call("sendMessage", HELLO);
      await page.pass(100);
    },
  );

  scenario("an answer without a body", async (page) => {
    const chat = await page.connected();
    page.service.answer("message", { status: 200, body: "" });
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("an answer that is no JSON", { differs: ["L4"] }, async (page) => {
    const chat = await page.connected();
    page.service.answer("message", { status: 200, body: "<html>" });
    chat.call("sendMessage", HELLO);
    await page.pass(5_000);
  });

  scenario("an error that is no JSON", { differs: ["L3"] }, async (page) => {
    const chat = await page.connected();
    page.service.answer("message", { status: 403, body: "<html>" });
    chat.call("sendMessage", HELLO);
    await page.pass(5_000);
  });

  scenario("a message while the page is off-line", async (page) => {
    const chat = await page.connected();
    page.realm.setOnLine(false);
    page.service.always("message", UNREACHABLE);
    chat.call("sendMessage", HELLO);
    await page.pass(9_000);
  });

  scenario("disconnectParticipant leaves the session open", async (page) => {
    const chat = await page.connected();
    chat.call("disconnectParticipant");
    await page.pass(5_000);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.item(ended());
    await page.pass(100);
    chat.call("sendMessage", HELLO);
  });

  scenario("the result is the application's own", async (page) => {
    const chat = await page.connected();
    const metadata = { mine: 1 };
    const result = await page.during(50, chat.session.sendMessage({ ...HELLO, metadata }));
    page.show("same metadata", result.metadata === metadata);
    result.data.Id = "changed";
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });
}
