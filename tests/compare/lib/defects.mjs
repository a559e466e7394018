// The defects D1 to D16 of docs/protocol/defects.md through the public API, each in one line: what the
// original makes of it, what the package does by default, and what it does in Chatloom behaviour.
import { START } from "./clock.mjs";
import { chunk, message, TYPING } from "./items.mjs";
import { Manager } from "./manager.mjs";
import { FORBIDDEN, INTERNAL, UNREACHABLE } from "./service.mjs";

const MINUTE = 60_000;
const HELLO = { message: "hello", contentType: "text/plain" };
const LOADED = "ChatSession is exported";

/**
 * What is asked of each defect: `run` gives what is seen, and `seen` what that has to be, for the
 * original, by default and in Chatloom behaviour.
 */
export const DEFECTS = [
  {
    id: "D1",
    about: "a fetch fails during a reconnect",
    seen: ["broken", "connected again", "connected again"],
    run: (page) => reconnect(page, [UNREACHABLE]),
  },
  {
    id: "D2",
    about: "500 during a reconnect, twelve times",
    seen: ["broken", "connected again", "connected again"],
    run: (page) => reconnect(page, Array(12).fill(INTERNAL)),
  },
  {
    id: "D3",
    about: "500 at the hand-over after 59 minutes",
    seen: ["broken, deaf", "connected, hears", "connected, hears"],
    async run(page) {
      const { session } = await connected(page);
      const [broken, items] = [count(session, "onConnectionBroken"), count(session, "onMessage")];
      await page.clock.pass(58 * MINUTE);
      page.service.answer("connection", INTERNAL, INTERNAL, INTERNAL);
      await page.clock.pass(5 * MINUTE);
      page.service.item(message(1));
      await page.clock.pass(30_000);
      return `${broken.times ? "broken" : "connected"}, ${items.times ? "hears" : "deaf"}`;
    },
  },
  {
    id: "D4",
    about: "the token's renewal fails; half an hour later",
    seen: ["the old token", "another token", "another token"],
    async run(page) {
      page.service.connectionLifeMs = 10 * MINUTE;
      const { session } = await connected(page);
      page.service.answer("connection", INTERNAL, INTERNAL, INTERNAL);
      await page.clock.pass(30 * MINUTE);
      session.sendMessage(HELLO);
      await page.clock.pass(100);
      const used = page.trace.findLast((line) => line.includes("/participant/message"));
      return used.includes("connection-token-1,") ? "the old token" : "another token";
    },
  },
  {
    id: "D5",
    about: "connect() again after a failure",
    seen: ["gives undefined", "connects", "connects"],
    async run(page) {
      const { session } = page.create({}, { callbacks: [] });
      page.service.answer("connection", FORBIDDEN);
      const [first] = await Promise.allSettled([page.during(1_000, session.connect())]);
      if (first.status === "fulfilled") return "connects at once";
      const second = session.connect();
      if (second === undefined) return "gives undefined";
      const { connectSuccess } = await page.during(1_000, second);
      return connectSuccess ? "connects" : "fails";
    },
  },
  {
    id: "D6",
    about: "250 messages missed while the connection was lost",
    seen: ["102 of 252", "252 of 252", "252 of 252"],
    async run(page) {
      const all = Array.from({ length: 252 }, (_, at) => message(at + 1));
      history(page, all.slice(0, 2));
      const { session } = await connected(page, {}, (session) => (session.shown = track(session)));
      history(page, all);
      page.service.drop();
      await page.clock.pass(MINUTE);
      const ids = new Set(session.shown.list.map(({ Id }) => Id));
      return `${all.filter(({ Id }) => ids.has(Id)).length} of ${all.length}`;
    },
  },
  {
    id: "D7",
    about: "messages 1, 3 and 2 arrive",
    seen: ["1 3 2", "1 2 3", "1 2 3"],
    async run(page) {
      const { session } = await connected(page, {}, (session) => (session.shown = track(session)));
      for (const number of [1, 3, 2]) page.service.item(message(number));
      await page.clock.pass(1_000);
      return session.shown.list.map(({ Content }) => Content.replace("message ", "")).join(" ");
    },
  },
  {
    id: "D8",
    about: "the storage refuses a file with 403",
    seen: ["resolves", "rejects", "rejects"],
    async run(page) {
      const { session } = await connected(page);
      page.service.always("upload", { status: 403, body: "" });
      const attachment = new page.realm.global.File(["content"], "notes.txt", {
        type: "text/plain",
      });
      const [ended] = await Promise.allSettled([
        page.during(5 * MINUTE, session.sendAttachment({ attachment })),
      ]);
      return ended.status === "fulfilled" ? "resolves" : "rejects";
    },
  },
  {
    id: "D9",
    about: "typing in two chats at once",
    seen: ["1 event", "2 events", "2 events"],
    async run(page) {
      const sessions = [await connected(page), await connected(page, chat("two"))];
      for (const { session } of sessions) session.sendEvent({ contentType: TYPING });
      await page.clock.pass(1_000);
      const sent = page.service.count("event");
      return `${sent} event${sent === 1 ? "" : "s"}`;
    },
  },
  {
    id: "D10",
    about: "what onMessage() gives",
    seen: ["undefined", "takes the callback away", "takes the callback away"],
    async run(page) {
      const { session } = await connected(page);
      let calls = 0;
      const unsubscribe = session.onMessage(() => calls++);
      if (typeof unsubscribe !== "function") return String(unsubscribe);
      page.service.item(message(1));
      await page.clock.pass(1_000);
      unsubscribe();
      page.service.item(message(2));
      await page.clock.pass(1_000);
      return calls === 1 ? "takes the callback away" : `${calls} calls`;
    },
  },
  {
    id: "D11",
    about: "chunks 1, 3, 2 and 4 of a streamed message",
    seen: ["ab", "abcd", "abcd"],
    async run(page) {
      const { session } = await connected(page);
      let shown = "";
      session.onMessage(({ data }) => (shown = data.Content));
      for (const number of [1, 3, 2, 4])
        page.service.item(chunk("bot", number, "abcd"[number - 1]));
      await page.clock.pass(1_000);
      return shown;
    },
  },
  {
    id: "D12",
    about: "a message that is sent while off-line",
    seen: ["rejects", "rejects", "is sent later"],
    async run(page) {
      const { session } = await connected(page);
      page.realm.setOnLine(false);
      page.service.always("message", UNREACHABLE);
      let ended = "waits";
      session.sendMessage(HELLO).then(
        () => (ended = "is sent later"),
        () => (ended = "rejects"),
      );
      await page.clock.pass(5_000);
      page.service.always("message", undefined);
      page.realm.setOnLine(true);
      await page.clock.pass(MINUTE);
      return ended;
    },
  },
  {
    id: "D13",
    about: "onConnectionEstablished at the first connect",
    seen: ["2 times", "2 times", "1 time"],
    async run(page) {
      const { session } = await connected(page, {}, (session) => {
        session.established = count(session, "onConnectionEstablished");
      });
      const { times } = session.established;
      return `${times} time${times === 1 ? "" : "s"}`;
    },
  },
  {
    id: "D14",
    about: "an endpoint that is set after the first session",
    seen: ["is ignored", "is used", "is used"],
    async run(page) {
      await connected(page);
      page.ChatSession.setGlobalConfig({ endpoint: "https://late.test" });
      await connected(page, chat("two"));
      return page.trace.some((line) => line.includes("https://late.test/"))
        ? "is used"
        : "is ignored";
    },
  },
  {
    id: "D15",
    about: "required where there is no window",
    seen: ["throws", LOADED, LOADED],
    async run(page) {
      try {
        return typeof page.require().ChatSession?.create === "function"
          ? LOADED
          : "exports nothing";
      } catch {
        return "throws";
      }
    },
  },
  {
    id: "D16",
    about: "the role of an agent's message while it is sent",
    seen: ["CUSTOMER", "AGENT", "AGENT"],
    async run(page) {
      const expiry = new Date(START + 60 * MINUTE).toISOString();
      const getConnectionToken = async () => ({
        chatTokenTransport: { participantToken: "agent", expiry },
      });
      const manager = new Manager(page);
      const args = {
        type: "AGENT",
        websocketManager: manager,
        chatDetails: { ...chat("contact").chatDetails, getConnectionToken },
      };
      const { session } = await connected(
        page,
        args,
        (session) => (session.shown = track(session)),
      );
      manager.tell("gain");
      await page.clock.pass(1_000);
      session.sendMessage(HELLO);
      await page.clock.pass(1_000);
      return session.shown.list.at(-1)?.ParticipantRole;
    },
  },
];

/** The text of the table, and what is not as it has to be. */
export function tableOf(defects, found) {
  const rows = [
    ["", "", "the original", "by default", "in Chatloom behaviour"],
    ...defects.map(({ id, about }) => [id, about, ...found.get(id)]),
  ];
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const text = rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
  const problems = defects
    .filter(({ id, seen }) => seen.join() !== found.get(id).join())
    .map(
      ({ id, seen }) =>
        `${id}\n  is ${found.get(id).join(" | ")}\n  and has to be ${seen.join(" | ")}`,
    );
  return { text, problems };
}

const chat = (contactId) => ({
  chatDetails: { contactId, participantId: "participant", participantToken: "token" },
});

/** A session that has had time to connect; `prepare` gets it before. */
async function connected(page, args = {}, prepare = () => undefined) {
  const created = page.create(args, { callbacks: [] });
  prepare(created.session);
  await page.during(1_000, created.session.connect());
  return created;
}

async function reconnect(page, answers) {
  const { session } = await connected(page);
  const [broken, again] = [
    count(session, "onConnectionBroken"),
    count(session, "onConnectionEstablished"),
  ];
  page.service.answer("connection", ...answers);
  page.service.drop();
  await page.clock.pass(10 * MINUTE);
  if (broken.times > 0) return "broken";
  return again.times > 0 ? "connected again" : "nothing happens";
}

function count(session, callback) {
  const counted = { times: 0 };
  session[callback](() => counted.times++);
  return counted;
}

/** The newest list of a session that tracks its transcript. */
function track(session) {
  const shown = { list: [] };
  session.onTranscriptUpdated(({ data }) => (shown.list = data.transcript));
  return shown;
}

/** Makes the service answer GetTranscript from a list of items, oldest first. */
function history(page, items) {
  page.service.always("transcript", (request) => {
    const { MaxResults, NextToken, ScanDirection, SortOrder, StartPosition } = JSON.parse(request);
    const forward = ScanDirection === "FORWARD";
    const at = StartPosition?.Id
      ? items.findIndex(({ Id }) => Id === StartPosition.Id)
      : forward
        ? 0
        : items.length;
    const from = NextToken ? Number(NextToken) : at;
    const part = forward
      ? items.slice(from, from + MaxResults)
      : items.slice(Math.max(0, from - MaxResults), from);
    const next = forward ? from + part.length : from - part.length;
    const more = part.length > 0 && (forward ? next < items.length : next > 0);
    const Transcript = SortOrder === "DESCENDING" ? part.toReversed() : part;
    return {
      status: 200,
      body: {
        InitialContactId: "contact",
        Transcript,
        ...(more ? { NextToken: String(next) } : {}),
      },
    };
  });
}
