// boto3: the control plane with SigV4 and the Participant Service. What it does is in boto3_chat.py and
// boto3_control.py.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";

import { DEMO, program, scenario } from "./lib/stage.mjs";

/** Runs a script of tests against a server, to its end. */
async function pass(stage, server, script) {
  const file = path.join(import.meta.dirname, script);
  const python = stage.run("python", program("PYTHON"), [file], {
    env: {
      ...process.env,
      ENDPOINT: server.url,
      ACCESS_KEY: DEMO.accessKey,
      SECRET: DEMO.secret,
      INSTANCE: DEMO.instance,
      FLOW: DEMO.flow,
      // Whoever runs the tests may have keys and settings of their own.
      AWS_CONFIG_FILE: "none",
      AWS_SHARED_CREDENTIALS_FILE: "none",
    },
  });
  assert.equal((await python.exit()).code, 0, python.errors);
}

scenario("boto3 does whole chats and understands every refusal", async (stage) => {
  const server = await stage.server();
  const agent = stage.agent(server);
  agent.answer(/^ping (\d+)$/, (number) => `pong ${number}`);
  await pass(stage, server, "boto3_chat.py");
});

scenario("boto3 does all of the control plane", async (stage) => {
  const views = await stage.folder();
  const content = { InputSchema: {}, Template: {}, Actions: ["Submit"] };
  const view = JSON.stringify({ Id: "parcel", Name: "Parcel", Content: content });
  await writeFile(path.join(views, "parcel.json"), view);
  const config = path.join(await stage.folder(), "chatloom.toml");
  await writeFile(config, `[views]\nfolder = ${JSON.stringify(views)}\n`);
  const server = await stage.server({ config });
  await pass(stage, server, "boto3_control.py");
});
