// What becomes of a connection: lost, refused, silent, handed over, off-line.
import { ended, message } from "../lib/items.mjs";
import { MOBILE } from "../lib/realm.mjs";
import { FORBIDDEN, INTERNAL, refusal, THROTTLED, UNREACHABLE } from "../lib/service.mjs";

const MINUTE = 60_000;
const HELLO = { message: "hello", contentType: "text/plain" };

export default function define(scenario) {
  for (const code of [1000, 1001, 1006, 1008, 1011, 4000]) {
    scenario(`the service closes with ${code}`, async (page) => {
      const chat = await page.connected();
      page.service.drop(code);
      await page.pass(5_000);
      page.service.item(message(1));
      chat.call("sendMessage", HELLO);
      await page.pass(100);
    });
  }

  for (const code of [1012, 1013]) {
    scenario(`the service closes with ${code}`, { differs: ["L7"] }, async (page) => {
      await page.connected();
      page.service.drop(code);
      await page.pass(1);
      await page.passQuietly(9_000);
    });
  }

  scenario("heartbeats for a minute", async (page) => {
    await page.connected();
    await page.pass(MINUTE);
  });

  scenario("a connection is lost twice", async (page) => {
    await page.connected();
    page.service.drop();
    await page.pass(15_000);
    page.service.drop();
    await page.pass(15_000);
  });

  scenario("the socket is refused three times", { differs: ["L2"] }, async (page) => {
    page.service.handshakes = ["refuse", "refuse", "refuse"];
    const chat = page.create();
    chat.call("connect");
    await page.pass(5);
    await page.passQuietly(MINUTE);
    page.service.item(message(1));
  });

  scenario("the socket stays connecting", { differs: ["L8"] }, async (page) => {
    page.service.handshakes = ["hang"];
    page.create().call("connect");
    await page.pass(9_000);
    await page.passQuietly(5 * MINUTE);
  });

  scenario("the first socket is slow", async (page) => {
    page.service.handshakes = ["hang"];
    page.create().call("connect");
    await page.pass(3_000);
    page.service.socket.opened();
    await page.pass(20_000);
  });

  const cannot = {
    "the network fails once": [UNREACHABLE],
    "the service fails for a while": Array(12).fill(INTERNAL),
    "the service throttles for a while": Array(12).fill(THROTTLED),
  };
  for (const [what, answers] of Object.entries(cannot)) {
    const id = answers[0] === UNREACHABLE ? "D1" : "D2";
    scenario(`a reconnect when ${what}`, { differs: [id] }, async (page) => {
      await page.connected();
      page.service.answer("connection", ...answers);
      page.service.drop();
      await page.passQuietly(10 * MINUTE);
    });
  }

  scenario(
    "a reconnect of a phone when the network fails once",
    { page: { userAgent: MOBILE } },
    async (page) => {
      await page.connected();
      page.service.answer("connection", UNREACHABLE);
      page.service.drop();
      await page.pass(10_000);
    },
  );

  for (const [status, name] of [
    [400, "ValidationException"],
    [404, "ResourceNotFoundException"],
  ]) {
    scenario(`a reconnect is refused with ${status}`, async (page) => {
      const chat = await page.connected();
      page.service.always("connection", refusal(status, name));
      page.service.drop();
      await page.pass(10_000);
      chat.call("sendMessage", HELLO);
      await page.passQuietly(5 * MINUTE);
    });
  }

  scenario("a reconnect is refused with 403, once", { differs: ["D1"] }, async (page) => {
    await page.connected();
    page.service.answer("connection", FORBIDDEN);
    page.service.drop();
    await page.passQuietly(MINUTE);
  });

  scenario("the chat ended while the connection was lost", { differs: ["D1"] }, async (page) => {
    const chat = await page.connected();
    page.service.always("connection", FORBIDDEN);
    page.service.drop();
    await page.passQuietly(5 * MINUTE);
    chat.call("sendMessage", HELLO);
    await page.pass(100);
  });

  scenario("an answer without a usable address ends a reconnect", async (page) => {
    await page.connected();
    page.service.always("connection", {
      members: {
        Websocket: { Url: "https://sockets.test/", ConnectionExpiry: "2026-01-05T09:30:00.000Z" },
      },
    });
    page.service.drop();
    await page.passQuietly(MINUTE);
  });

  scenario("a heartbeat is missed", { differs: ["L9"] }, async (page) => {
    await page.connected();
    page.service.control.heartbeat = "silence";
    await page.pass(10_500);
    page.service.control.heartbeat = "success";
    await page.pass(30_000);
  });

  scenario("heartbeats are missed on every socket", async (page) => {
    await page.connected();
    page.service.control.heartbeat = "silence";
    await page.passQuietly(MINUTE);
  });

  scenario("pings are missed", async (page) => {
    await page.connected();
    page.service.control.ping = "silence";
    await page.pass(35_000);
    page.service.control.ping = "success";
    await page.pass(20_000);
  });

  scenario("pings fail", async (page) => {
    await page.connected();
    page.service.control.ping = "failure";
    await page.pass(35_000);
  });

  scenario("the subscription is not confirmed", { differs: ["L10"] }, async (page) => {
    page.service.control.subscribe = "silence";
    page.create().call("connect");
    await page.pass(3_500);
    page.service.control.subscribe = "success";
    await page.passQuietly(MINUTE);
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("the subscription is refused", { differs: ["L10"] }, async (page) => {
    page.service.control.subscribe = "failure";
    page.create().call("connect");
    await page.pass(2_075);
    page.service.control.subscribe = "success";
    await page.passQuietly(MINUTE);
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("the subscription is confirmed at the second attempt", async (page) => {
    page.service.control.subscribe = "silence";
    page.create().call("connect");
    await page.pass(500);
    page.service.control.subscribe = "success";
    await page.pass(9_000);
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("the hand-over after 59 minutes", async (page) => {
    await page.connected();
    await page.passQuietly(58 * MINUTE);
    await page.passQuietly(2 * MINUTE);
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("the service fails at the hand-over", { differs: ["D3"] }, async (page) => {
    await page.connected();
    await page.passQuietly(58 * MINUTE);
    page.service.answer("connection", INTERNAL, INTERNAL, INTERNAL);
    await page.passQuietly(5 * MINUTE);
    page.service.item(message(1));
    await page.pass(100);
  });

  scenario("an item comes twice in the overlap of a hand-over", async (page) => {
    await page.connected();
    page.service.control.heartbeat = "silence";
    await page.pass(9_950);
    page.service.control.subscribe = "silence";
    await page.pass(200);
    page.service.item(message(1));
    await page.pass(100);
    page.service.control.subscribe = "success";
    page.service.control.heartbeat = "success";
    await page.pass(9_000);
    page.service.item(message(2));
    await page.pass(100);
  });

  scenario("off-line, and the socket stays", { differs: ["L11"] }, async (page) => {
    await page.connected();
    page.realm.setOnLine(false);
    await page.pass(3_000);
    page.realm.setOnLine(true);
    await page.pass(30_000);
  });

  scenario("off-line, the socket closes, and on-line again", async (page) => {
    await page.connected();
    page.realm.setOnLine(false);
    await page.pass(1_000);
    page.service.drop();
    await page.pass(8_000);
    page.realm.setOnLine(true);
    await page.pass(15_000);
  });

  scenario("off-line at connect", { differs: ["L1"] }, async (page) => {
    page.realm.onLine = false;
    page.service.answer("connection", UNREACHABLE, UNREACHABLE, UNREACHABLE);
    page.create().call("connect");
    await page.pass(30_000);
  });

  for (const [what, isNetworkOnline] of Object.entries({
    "says no": () => false,
    "says yes": () => true,
  })) {
    scenario(`isNetworkOnline ${what} while the connection is lost`, async (page) => {
      page.configure({ webSocketManagerConfig: { isNetworkOnline } });
      await page.connected();
      page.realm.setOnLine(false);
      page.service.drop();
      await page.pass(15_000);
    });
  }

  scenario("isNetworkOnline is asynchronous and says no", { differs: ["L12"] }, async (page) => {
    page.configure({ webSocketManagerConfig: { isNetworkOnline: async () => false } });
    await page.connected();
    page.service.drop();
    await page.pass(15_000);
  });

  scenario("isNetworkOnline says yes again", async (page) => {
    let online = true;
    page.configure({ webSocketManagerConfig: { isNetworkOnline: () => online } });
    await page.connected();
    online = false;
    page.service.drop();
    await page.pass(5_000);
    online = true;
    await page.pass(15_000);
  });

  for (const userAgent of [undefined, MOBILE]) {
    const device = userAgent ? "a phone" : "a desktop";
    scenario(
      `a page of ${device} is hidden and shown`,
      { differs: ["L11"], page: { userAgent } },
      async (page) => {
        await page.connected();
        page.realm.setVisible(false);
        await page.pass(2_000);
        page.realm.setVisible(true);
        await page.pass(20_000);
      },
    );
    const differs = userAgent ? ["L11", "L25"] : ["L11"];
    scenario(
      `a hidden page of ${device} loses its connection`,
      { differs, page: { userAgent } },
      async (page) => {
        await page.connected();
        page.realm.setVisible(false);
        await page.pass(1_000);
        page.service.drop();
        await page.pass(8_000);
        page.realm.setVisible(true);
        await page.pass(15_000);
      },
    );
  }

  scenario("the socket closes while a message is on its way", async (page) => {
    const chat = await page.connected();
    page.service.answer("message", { status: 200, body: { Id: "m" }, afterMs: 300 });
    chat.call("sendMessage", HELLO);
    await page.pass(100);
    page.service.drop();
    await page.pass(5_000);
  });

  scenario("the end of the chat after a reconnect", async (page) => {
    await page.connected();
    page.service.drop();
    await page.pass(5_000);
    page.service.item(ended());
    await page.passQuietly(MINUTE);
  });

  scenario("an address without an expiry", { differs: ["L13"] }, async (page) => {
    page.service.answer("connection", {
      members: { Websocket: { Url: "wss://sockets.test/no-expiry" } },
    });
    page.create().call("connect");
    await page.pass(15_000);
  });

  scenario(
    "the reason of a closed socket",
    { differs: ["L14"], page: { showReasons: true } },
    async (page) => {
      await page.connected();
      page.service.item(ended());
      await page.pass(100);
    },
  );
}
