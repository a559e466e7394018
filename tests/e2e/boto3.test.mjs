// boto3: the control plane with SigV4 and the Participant Service. The chats themselves are in
// boto3_chat.py.

import assert from "node:assert/strict";
import path from "node:path";

import { DEMO, program, scenario } from "./lib/stage.mjs";

scenario("boto3 does whole chats and understands every refusal", async (stage) => {
  const server = await stage.server();
  const agent = stage.agent(server);
  agent.answer(/^ping (\d+)$/, (number) => `pong ${number}`);

  const script = path.join(import.meta.dirname, "boto3_chat.py");
  const python = stage.run("python", program("PYTHON"), [script], {
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
});
