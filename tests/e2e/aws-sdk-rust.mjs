// The AWS SDK for Rust over TLS; what it does is in ../aws-sdk-rust. `tls.test.mjs` runs this.

import assert from "node:assert/strict";
import path from "node:path";

import { DEMO, program, scenario } from "./lib/stage.mjs";

scenario("the AWS SDK for Rust does a whole chat", async (stage) => {
  const server = await stage.server();
  assert.match(server.url, /^https:/);
  const agent = stage.agent(server);
  agent.answer(/^ping (\d+)$/, (number) => `pong ${number}`);
  const client = stage.run("the client in Rust", program("AWS_SDK_RUST"), [], {
    env: {
      ENDPOINT: server.url,
      CA: path.join(process.env.TLS_FOLDER, "ca.pem"),
      ACCESS_KEY: DEMO.accessKey,
      SECRET: DEMO.secret,
      INSTANCE: DEMO.instance,
      FLOW: DEMO.flow,
    },
  });
  assert.equal((await client.exit()).code, 0, client.errors);
});
