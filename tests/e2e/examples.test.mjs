// The lessons of `examples/` do what they say. The bot's is in bots.test.mjs.

import assert from "node:assert/strict";
import path from "node:path";

import { program, scenario } from "./lib/stage.mjs";

const LESSON = path.join(
  import.meta.dirname,
  ...["..", "..", "examples", "boto3", "persistent_chat.py"],
);

/** Runs the lesson against a server, to its end. */
async function learn(stage, server) {
  const python = stage.run("python", program("PYTHON"), [LESSON, server.url], {
    env: {
      ...process.env,
      // Whoever runs the tests may have keys and settings of their own.
      AWS_CONFIG_FILE: "none",
      AWS_SHARED_CREDENTIALS_FILE: "none",
    },
  });
  const { code } = await python.exit();
  return { code, output: python.output, errors: python.errors };
}

scenario("a whole persistent chat with boto3, as examples/boto3 teaches it", async (stage) => {
  const { code, output, errors } = await learn(stage, await stage.server());
  assert.equal(code, 0, errors);
  assert.match(output, /All of it is as it should be/);
});

scenario("the lesson of examples/boto3 fails where something is missing", async (stage) => {
  const empty = await stage.folder();
  const server = await stage.server({ more: ["--set", `views.folder=${empty}`] });
  const { code, errors } = await learn(stage, server);
  assert.equal(code, 1);
  assert.match(errors, /Not as it should be: .*There is no such view/);
});
