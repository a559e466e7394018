// The bot of `examples/bot`, and boto3: custom participants and contact streaming. What boto3 does is
// in boto3_bots.py.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";

import { Log } from "./lib/log.mjs";
import { DEMO, program, scenario } from "./lib/stage.mjs";

const EXAMPLE = path.join(import.meta.dirname, "..", "..", "examples", "bot");
const SECRET = "0123456789abcdef0123456789abcdef";
const ARN = "arn:aws:sns:us-west-2:000000000000:chats";
const OTHER_FLOW = "33333333-3333-4333-8333-333333333333";

/** A webhook that keeps what it is told, and checks who says it. */
async function webhook(stage, told) {
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    const [, time, signature] = /^t=(\d+),v1=(.+)$/.exec(request.headers["chatloom-signature"]);
    const expected = createHmac("sha256", SECRET).update(`${time}.`).update(body).digest("hex");
    assert.equal(signature, expected);
    told.push(JSON.parse(JSON.parse(body).Message));
    response.writeHead(200).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stage.cleanup(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}/`;
}

scenario("a bot, a custom participant and a stream, as boto3 sees them", async (stage) => {
  const bot = stage.run("bot", process.execPath, [path.join(EXAMPLE, "bot.mjs")], {
    env: { ...process.env, SECRET, PORT: "0" },
  });
  const line = await bot.lines.find("address", (text) => text.startsWith("listening"));
  const told = new Log("webhook");
  const hook = await webhook(stage, told);
  const example = await readFile(path.join(EXAMPLE, "chatloom.toml"), "utf8");
  const config = path.join(await stage.folder(), "chatloom.toml");
  const text = `${example.replace("http://127.0.0.1:8100", line.split(" ").at(-1))}
[[instance.flows]]
id = "${OTHER_FLOW}"

[[streaming.endpoints]]
arn = "${ARN}"
url = "${hook}"
secret = "${SECRET}"
`;
  await writeFile(config, text);
  const server = await stage.server({ config });
  const script = path.join(import.meta.dirname, "boto3_bots.py");
  const python = stage.run("python", program("PYTHON"), [script], {
    env: {
      ...process.env,
      ENDPOINT: server.url,
      ACCESS_KEY: DEMO.accessKey,
      SECRET: DEMO.secret,
      INSTANCE: DEMO.instance,
      FLOW: DEMO.flow,
      OTHER_FLOW,
      ARN,
      AWS_CONFIG_FILE: "none",
      AWS_SHARED_CREDENTIALS_FILE: "none",
    },
  });
  await python.lines.find("end of what is said", (said) => said === "said");
  await told.find("last item", (item) => item.Content === "last words");
  python.write("stop the stream");
  assert.equal((await python.exit()).code, 0, python.errors);
  const said = told.entries.map((item) => item.Content ?? item.ContentType.split("event.")[1]);
  // Of what comes after the start of the stream, all and in order.
  assert.deepEqual(said, [
    "participant.joined",
    "hello",
    "participant.joined",
    "I am a bot",
    "last words",
  ]);
});
