// Whole chats of official clients over TLS of the server's own, with an authority that nobody else
// knows, in a process that trusts it. Some of them run without TLS too; those that are not named
// `.test.mjs` run here alone.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { program } from "./lib/stage.mjs";

const FILES = ["boto3.test.mjs", "aws-sdk.test.mjs", "aws-sdk-rust.mjs", "versions.mjs"];

/** Runs a program to its end. */
function run(file, ...args) {
  const { status, stdout, stderr, error } = spawnSync(file, args, { encoding: "utf8" });
  assert.equal(status, 0, `${file}: ${error ?? stdout + stderr}`);
}

/** Makes an authority and a certificate of the server, and a home in which Chromium trusts it. */
async function makeAuthority(folder) {
  // Beside the program, where the build has put it.
  run(path.join(path.dirname(program("CHATLOOM_BIN")), "examples/throwaway_authority"), folder);
  const store = path.join(folder, "home", ".pki", "nssdb");
  await mkdir(store, { recursive: true });
  const certutil = (...args) => run(program("CERTUTIL"), ...args, "-d", `sql:${store}`);
  certutil("-N", "--empty-password");
  certutil("-A", "-n", "throw-away", "-t", "C,,", "-i", path.join(folder, "ca.pem"));
}

for (const file of FILES) {
  test(`${file} over TLS`, { timeout: 5 * 60_000 }, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "chatloom-tls-"));
    try {
      await makeAuthority(folder);
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
      const { status, stdout, stderr } = spawnSync(process.execPath, args, {
        env,
        encoding: "utf8",
      });
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /pass [1-9]/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}
