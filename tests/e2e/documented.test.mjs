// docs/clients.md says what is so: the versions are those that the tests have, and the files exist.

import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

const ROOT = path.join(import.meta.dirname, "..", "..");
const read = (...file) => readFile(path.join(ROOT, ...file), "utf8");

/** The rows of the table: client, versions, what it does, where. */
async function rows() {
  const page = await read("docs", "clients.md");
  const cells = page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) => line.split("|").slice(1, -1));
  return cells.slice(2).map((row) => row.map((cell) => cell.trim()));
}

/** The versions that are pinned, by what the table calls the client. */
async function pinned() {
  const packages = JSON.parse(await read("tests", "e2e", "package.json")).devDependencies;
  const python = await read("tests", "requirements.txt");
  const rust = await read("tests", "aws-sdk-rust", "Cargo.toml");
  const crate = (name) => new RegExp(`^${name} = \\{ version = "=(.+?)"`, "m").exec(rust)[1];
  const chatjs = Object.entries(packages).filter(([name]) =>
    name.startsWith("amazon-connect-chatjs"),
  );
  return {
    boto3: [/^boto3==(.+)$/m.exec(python)[1]],
    "AWS SDK for JavaScript v3": [
      packages["@aws-sdk/client-connect"],
      packages["@aws-sdk/client-connectparticipant"],
    ],
    "AWS SDK for JavaScript v2": [packages["aws-sdk"]],
    "AWS SDK for Rust": [crate("aws-sdk-connect"), crate("aws-sdk-connectparticipant")],
    "amazon-connect-chatjs": chatjs.map(([, version]) => version.split("@").at(-1)),
    "amazon-connect-streams": [packages["amazon-connect-streams"]],
  };
}

test("docs/clients.md has the versions that the tests have", async () => {
  const table = await rows();
  const called = new Set(table.map(([client]) => client.replace(" (Python)", "")));
  const clients = await pinned();
  assert.deepEqual(called, new Set(Object.keys(clients)));
  for (const [client, versions] of Object.entries(clients)) {
    const own = table.filter(([called]) => called.startsWith(client));
    const documented = new Set(own.flatMap(([, cell]) => cell.match(/\d+\.\d+\.\d+/g)));
    assert.deepEqual(documented, new Set(versions), client);
  }
});

test("docs/clients.md names tests that exist", async () => {
  for (const [client, , , where] of await rows()) {
    const files = [...where.matchAll(/`(.+?)`/g)].map(([, file]) => file);
    assert.ok(files.length > 0, client);
    for (const file of files) await access(path.join(import.meta.dirname, file));
  }
});
