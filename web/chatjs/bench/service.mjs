// The service that the libraries talk to, in a process of its own so that its work is not counted.
//
// HTTP and WebSocket on loopback, answering at once. Whoever started it says over IPC how many
// messages a chat shall get: { contact, count, rate }, `rate` in messages a second.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { WebSocketServer } from "ws";

/** How often messages leave: those of one tick arrive together, as in a burst. */
const TICK_MS = 10;

const EXPIRY = new Date(Date.now() + 86_400_000).toISOString();
const HEADERS = {
  "content-type": "application/json",
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*, authorization",
  "access-control-max-age": "7200",
  "access-control-expose-headers": "*",
};
/** Of pages: with these a browser gives them an exact clock. */
const ISOLATION = {
  "content-type": "text/html",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** The chats with an open socket, by their contact. */
const chats = new Map();

const server = createServer(async (request, response) => {
  const path = request.url.split("?")[0];
  if (request.method === "OPTIONS") return response.writeHead(204, HEADERS).end();
  if (path === "/") return response.writeHead(200, ISOLATION).end("<!doctype html><title>Page</title>");
  for await (const _ of request);
  const contact = request.headers["x-amz-bearer"];
  response.writeHead(200, { ...HEADERS, "x-amzn-RequestId": randomUUID() });
  return response.end(JSON.stringify(answer(path, contact)));
});

function answer(path, contact) {
  switch (path) {
    case "/start-chat": {
      const id = randomUUID();
      // As token the contact, by which the service finds the chat again.
      return { ContactId: id, ParticipantId: randomUUID(), ParticipantToken: id };
    }
    case "/participant/connection": {
      const url = `ws://127.0.0.1:${server.address().port}/?contact=${contact}`;
      return {
        Websocket: { Url: url, ConnectionExpiry: EXPIRY },
        ConnectionCredentials: { ConnectionToken: contact, Expiry: EXPIRY },
      };
    }
    case "/participant/transcript":
      return { InitialContactId: contact, Transcript: [] };
    default:
      return { Id: randomUUID(), AbsoluteTime: new Date().toISOString() };
  }
}

const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket, request) => {
  const contact = new URL(request.url, "ws://service").searchParams.get("contact");
  const chat = { socket, contact, sent: 0 };
  socket.on("message", (data) => {
    const { topic, content } = JSON.parse(data);
    if (topic === "aws/subscribe") {
      socket.send(JSON.stringify({ topic, content: { status: "success", topics: content.topics } }));
      chats.set(contact, chat);
      socket.send(frame(chat));
    } else if (topic === "aws/ping") {
      socket.send(JSON.stringify({ topic, statusCode: 200, statusContent: "OK" }));
    } else {
      socket.send(JSON.stringify({ topic }));
    }
  });
  socket.on("close", () => chats.get(contact) === chat && chats.delete(contact));
});

/** The next message of a chat as a frame of 535 bytes, as the service sends a short one of an agent. */
function frame(chat) {
  const number = String(chat.sent++).padStart(12, "0");
  const item = {
    AbsoluteTime: new Date(1_767_225_600_000 + chat.sent).toISOString(),
    Content: `Hello, that is message number ${number} of many that you wrote to me.`,
    ContentType: "text/plain",
    Id: `aaaaaaaa-bbbb-4ccc-8ddd-${number}`,
    Type: "MESSAGE",
    ParticipantId: "eeeeeeee-ffff-4000-8111-222222222222",
    DisplayName: "Ana",
    ParticipantRole: "AGENT",
    InitialContactId: chat.contact,
    ContactId: chat.contact,
  };
  return JSON.stringify({ content: JSON.stringify(item), contentType: "application/json", topic: "aws/chat" });
}

process.on("message", ({ contact, count, rate }) => {
  const chat = chats.get(contact);
  if (!chat) throw new Error(`${contact} has no open socket`);
  const begin = performance.now();
  let sent = 0;
  const timer = setInterval(
    () => {
      const due = Math.min(count, Math.ceil(((performance.now() - begin) / 1000) * rate));
      for (; sent < due; sent++) chat.socket.send(frame(chat));
      if (sent === count) clearInterval(timer);
    },
    Math.min(TICK_MS, 1000 / rate),
  );
});
process.on("disconnect", () => process.exit());

server.listen(0, "127.0.0.1", () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));
