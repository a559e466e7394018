// The packed package in projects as applications have them: each installs it, builds or runs with it, and has a
// whole chat with the assistant of `chatloom serve --demo`. Pages may do no more than the package asks for.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { scenario } from "../e2e/lib/stage.mjs";
import { pack, policy, Project, read } from "./lib/project.mjs";

let packed;
before(async () => {
  packed = await pack();
});
after(() => packed.remove());

/** What everybody sees: the greeting, one's own question, the answer. */
function assertTalk(texts) {
  assert.deepEqual(texts?.map((text) => text.slice(0, 21)), [
    "SYSTEM: Hello! I am t",
    "CUSTOMER: When are yo",
    "SYSTEM: We are here M",
  ]);
}

/** A page of a project that is in a browser, under a policy; what the browser forbids fails the test. */
async function inPage(stage, server, origin, paths) {
  const page = await stage.page();
  const forbidden = [];
  const session = await page.context().newCDPSession(page);
  await session.send("Log.enable");
  session.on("Log.entryAdded", ({ entry }) => {
    if (entry.source === "security" || entry.level === "error") forbidden.push(entry.text);
  });
  for (const address of paths) assertTalk(await read(page, `${origin}/${address}`, server));
  assert.deepEqual(forbidden.filter((text) => !/favicon/.test(text)), []);
  return page;
}

test("the package has what its manifest names, its licences, and nothing of its sources", async () => {
  const manifest = JSON.parse(
    await readFile(path.join(import.meta.dirname, "../../web/chatjs/package.json"), "utf8"),
  );
  const named = JSON.stringify([manifest.main, manifest.module, manifest.types, manifest.exports]);
  const files = [...named.matchAll(/"\.\/(dist\/[^"*]+)"/g)].map(([, file]) => file);
  assert.ok(files.length > 10);
  const scripts = ["dist/amazon-connect-chat.js", "dist/amazon-connect-chat.js.map"];
  for (const file of [...files.filter((file) => !/\/amazon-connect-chat$/.test(file)), ...scripts]) {
    assert.ok(packed.files.includes(file), `${file} is in the package`);
  }
  for (const file of ["README.md", "dist/LICENSE-MIT", "dist/LICENSE-APACHE"]) {
    assert.ok(packed.files.includes(file), `${file} is in the package`);
  }
  const strange = packed.files.filter((file) => !/^(dist\/|README\.md$|package\.json$)/.test(file));
  assert.deepEqual(strange, []);
  assert.equal(manifest.dependencies, undefined);
});

scenario("Vite", async (stage) => {
  const [server, project] = await both(stage, "vite");
  await project.tool("vite", "build", "--logLevel", "warn");
  await inPage(stage, server, await project.serve(stage, "dist", policy(server)), [""]);
});

scenario("Vite, slim: the core is a file of its own", async (stage) => {
  const [server, project] = await both(stage, "vite-slim");
  await project.tool("vite", "build", "--logLevel", "warn");
  const origin = await project.serve(stage, "dist", policy(server));
  const page = await inPage(stage, server, origin, ["", "?client"]);
  const loaded = await page.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => name.replace(/.*\//, "")),
  );
  assert.equal(loaded.filter((name) => /^chatloom-.*\.wasm$/.test(name)).length, 1);
  assert.equal(loaded.filter((name) => /^clients-.*\.js$/.test(name)).length, 1);
});

scenario("webpack: Chatloom behaviour in a chunk, and slim", async (stage) => {
  const [server, project] = await both(stage, "webpack");
  await project.tool("webpack", "--config", "webpack.config.cjs");
  const origin = await project.serve(stage, "", policy(server));
  await inPage(stage, server, origin, ["", "slim.html"]);
});

scenario("esbuild: without wasm, where a page may not start any", async (stage) => {
  const [server, project] = await both(stage, "esbuild");
  const options = ["--bundle", "--minify", "--outfile=dist/main.js"];
  await project.tool("esbuild", "src/main.ts", ...options);
  const origin = await project.serve(stage, "", policy(server, { wasm: false }));
  await inPage(stage, server, origin, [""]);
});

scenario("a classic script, also with Chatloom behaviour", async (stage) => {
  const [server, project] = await both(stage, "script");
  const origin = await project.serve(stage, "", policy(server));
  await inPage(stage, server, origin, ["", "?chatloom"]);
});

scenario("modules without a bundler", async (stage) => {
  const [server, project] = await both(stage, "modules");
  const origin = await project.serve(stage, "", policy(server));
  const entries = ["index", "slim", "eager", "index&chatloom", "slim&chatloom"];
  await inPage(stage, server, origin, entries.map((entry) => `?entry=${entry}`));
  const strict = await project.serve(stage, "", policy(server, { wasm: false }));
  await inPage(stage, server, strict, ["?entry=js", "?entry=js&chatloom"]);
});

scenario("Node, ES modules", async (stage) => {
  const [server, project] = await both(stage, "node-esm");
  const { usual, plain, slim, eager, client, ...rest } = await project.node("main.mjs", server.url);
  for (const texts of [usual, plain, slim, eager, client]) assertTalk(texts);
  assert.deepEqual(rest, { same: true, global: true, window: "undefined" });
});

scenario("Node, CommonJS", async (stage) => {
  const [server, project] = await both(stage, "node-cjs");
  const { usual, plain, eager, ...rest } = await project.node("main.cjs", server.url);
  for (const texts of [usual, plain, eager]) assertTalk(texts);
  assert.deepEqual(rest, { same: true, global: true, window: "undefined" });
});

scenario("TypeScript, strict", async (stage) => {
  const [server, project] = await both(stage, "typescript");
  await project.add(
    "src/streams.d.ts",
    "../e2e/node_modules/amazon-connect-streams/src/index.d.ts",
  );
  await project.tool("tsc");
  // Older programs resolve modules in an older way, which knows no `exports`.
  const older = ["--module", "esnext", "--moduleResolution", "node10", "--target", "es2022"];
  await project.tool("tsc", "--noEmit", "--strict", ...older, "src/older.ts");
  const { usual, ...rest } = await project.node("dist/main.mjs", server.url);
  assertTalk(usual);
  assert.deepEqual(rest, { same: true, plain: true });
});

scenario("under the original's name, in a program written for the original", async (stage) => {
  const [server, project] = await both(stage, "alias", "amazon-connect-chatjs");
  const lib = ["--lib", "es2022,dom", "--moduleResolution", "bundler", "--module", "esnext"];
  await project.tool("tsc", "--noEmit", "--strict", ...lib, "src/main.ts");
  const options = ["--bundle", "--outfile=dist/main.js"];
  await project.tool("esbuild", "src/main.ts", ...options);
  const origin = await project.serve(stage, "", policy(server));
  await inPage(stage, server, origin, [""]);
  const { same, usual } = await project.node("main.cjs", server.url);
  assert.ok(same);
  assertTalk(usual);
});

scenario("Hermes compiles the entry without wasm", async (stage) => {
  const project = await Project.install(stage, "node-cjs", packed);
  for (const file of ["js.cjs", "chatloom-js.cjs"]) await project.hermes(file);
});

test("its files name nothing of the machine that built them, and its maps are whole", async () => {
  const root = path.join(import.meta.dirname, "../..");
  const dist = path.join(root, "web/chatjs/dist");
  for (const name of packed.files.filter((file) => file.startsWith("dist/"))) {
    const bytes = await readFile(path.join(root, "web/chatjs", name));
    for (const place of [root, homedir()]) {
      assert.ok(!bytes.includes(place), `${name} does not name ${place}`);
    }
    const script = /\.c?js$/.test(name) && !name.includes("eager") && bytes.toString("latin1");
    if (!script) continue;
    assert.ok(!/[^\x01-\x7f]/.test(script), `${name} is plain ASCII`);
    const map = script.match(/\n\/\/# sourceMappingURL=(.*)\n$/)?.[1];
    assert.ok(map && packed.files.includes(`dist/${map}`), `${name} has a map`);
    const { sources, sourcesContent } = JSON.parse(await readFile(path.join(dist, map), "utf8"));
    sources.forEach((source, at) => {
      assert.match(source, /^(?:\.\.\/src\/|core:)/, `${map} names what it is made of`);
      assert.equal(source.startsWith("core:"), sourcesContent[at] === null, `${map} has ${source}`);
    });
  }
});

/** A server, and a project with the package. */
async function both(stage, name, as) {
  return Promise.all([stage.server(), Project.install(stage, name, packed, as)]);
}
