// A bot for Chatloom in Node, without dependencies: it says back what the customer says, word for
// word as it goes, asks to sign in on "sign in", and hands over on "agent". docs/bots.md describes what
// it speaks.
//
//   SECRET='the secret of bots.endpoints' PORT=8100 node bot.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.SECRET;
if (!secret) throw new Error("SECRET: the secret of this bot in the server's configuration");

/** How far the clocks may be apart, in seconds, and how long a request may be recorded. */
const WINDOW = 300;
const LONGEST = 1 << 20;

function isFromServer(header, body) {
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header ?? "") ?? [];
  if (!time || Math.abs(Date.now() / 1000 - Number(time)) > WINDOW) return false;
  const expected = createHmac("sha256", secret).update(`${time}.`).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(signature, "hex"));
}

async function read(request) {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LONGEST) throw new Error("the turn is too long");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function json(response, answer) {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(answer));
}

/** Says a text word by word; each is shown as it comes to a customer who asked for that. */
function stream(response, text) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  const event = (name, data) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  for (const word of text.split(/(?<=\s)/)) event("chunk", { content: word });
  event("done", {});
  response.end();
}

function answer(turn, response) {
  const said = turn.message?.content;
  if (turn.type === "authentication") {
    const words = turn.customer.authenticated
      ? `Now I know you, ${turn.customer.displayName}.`
      : "Then I go on without knowing you.";
    json(response, { actions: [{ type: "say", content: words }] });
  } else if (turn.type === "start") {
    json(response, { actions: [{ type: "say", content: `Hello, ${turn.customer.displayName}!` }] });
  } else if (said === undefined) {
    json(response, { actions: [{ type: "say", content: "I cannot open files." }] });
  } else if (/\bagent\b/i.test(said)) {
    json(response, { actions: [{ type: "handover" }] });
  } else if (/\bsign in\b/i.test(said)) {
    json(response, { actions: [{ type: "authenticate" }] });
  } else {
    stream(response, `You said: ${said}`);
  }
}

const server = createServer(async (request, response) => {
  try {
    const body = await read(request);
    if (!isFromServer(request.headers["chatloom-signature"], body)) {
      response.writeHead(403).end();
      return;
    }
    answer(JSON.parse(body), response);
  } catch {
    response.writeHead(400).end();
  }
});

server.listen(Number(process.env.PORT ?? 8100), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
