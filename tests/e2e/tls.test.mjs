// Whole chats of official clients over TLS of the server's own, with an authority that nobody else
// knows: the same tests as without, in a process that trusts it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { program } from "./lib/stage.mjs";

for (const file of ["boto3.test.mjs", "aws-sdk.test.mjs"]) {
  test(`${file} over TLS`, { timeout: 5 * 60_000 }, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "chatloom-tls-"));
    try {
      // Beside the program, where the build has put it.
      const make = path.join(path.dirname(program("CHATLOOM_BIN")), "examples/throwaway_authority");
      const made = spawnSync(make, [folder], { encoding: "utf8" });
      assert.equal(made.status, 0, made.stderr ?? String(made.error));
      const ca = path.join(folder, "ca.pem");
      const env = {
        ...process.env,
        TLS_FOLDER: folder,
        NODE_EXTRA_CA_CERTS: ca, // Node and the SDK for JavaScript
        AWS_CA_BUNDLE: ca, // boto3
        SSL_CERT_FILE: ca, // Python's own client, and ours
      };
      // It is a run of its own, not a part of this one.
      delete env.NODE_TEST_CONTEXT;
      const args = ["--test", "--test-reporter=spec", path.join(import.meta.dirname, file)];
      const run = spawnSync(process.execPath, args, { env, encoding: "utf8" });
      assert.equal(run.status, 0, run.stdout + run.stderr);
      assert.match(run.stdout, /pass [1-9]/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
