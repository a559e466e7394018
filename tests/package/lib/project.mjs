// The packed package, and projects that install it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { once } from "node:events";
import { promisify } from "node:util";

const HERE = path.join(import.meta.dirname, "..");
const PACKAGE = path.join(HERE, "..", "..", "web", "chatjs");

const start = promisify(execFile);

/** Runs a program; gives what it wrote, and fails with it. */
async function run(folder, file, args) {
  try {
    const { stdout } = await start(file, args, { cwd: folder, timeout: 120_000, encoding: "utf8" });
    return stdout;
  } catch (error) {
    throw new Error(`${path.basename(file)} ${args.join(" ")}\n${error.stdout}\n${error.stderr}`);
  }
}

const npm = (folder, ...args) => run(folder, "npm", [...args, "--no-audit", "--no-fund"]);

/** What `npm publish` would upload: the file, what is in it, and how to remove it. */
export async function pack() {
  const folder = await mkdtemp(path.join(tmpdir(), "chatloom-packed-"));
  const [{ filename, files }] = JSON.parse(
    await npm(PACKAGE, "pack", "--json", "--ignore-scripts", "--pack-destination", folder),
  );
  return { file: path.join(folder, filename), files: files.map((file) => file.path), remove: () => rm(folder, { recursive: true }) };
}

/** Where the tools that these tests have installed are. */
const MODULES = path.join(HERE, "node_modules");

export class Project {
  folder;

  constructor(folder) {
    this.folder = folder;
  }

  /** A copy of a project in an empty folder, with the package installed, under another name if one is given. */
  static async install(stage, name, packed, as = "@chatloom/chatjs") {
    const project = new Project(await stage.folder());
    await cp(path.join(HERE, "projects", name), project.folder, { recursive: true });
    for (const folder of [project.folder, path.join(project.folder, "src")]) {
      await cp(path.join(HERE, "projects/talk.js"), path.join(folder, "talk.js")).catch(() => {});
    }
    const manifest = { name, private: true, type: "module", dependencies: { [as]: `file:${packed.file}` } };
    await writeFile(path.join(project.folder, "package.json"), JSON.stringify(manifest));
    await npm(project.folder, "install", "--offline", "--ignore-scripts");
    return project;
  }

  /** Puts a file of these tests into the project. */
  add(to, from) {
    return cp(path.join(HERE, from), path.join(this.folder, to));
  }

  /** Runs a tool in the project. */
  tool(name, ...args) {
    return run(this.folder, path.join(MODULES, ".bin", name), args);
  }

  /** Compiles a file of the package for React Native. */
  hermes(file) {
    const systems = { linux: "linux64-bin/hermesc", darwin: "osx-bin/hermesc", win32: "win64-bin/hermesc.exe" };
    const compiler = path.join(MODULES, "hermes-compiler/hermesc", systems[process.platform]);
    const source = path.join("node_modules/@chatloom/chatjs/dist", file);
    return run(this.folder, compiler, ["-w", "-O0", "-emit-binary", "-out", `${file}.hbc`, source]);
  }

  /** Runs a program of the project in Node; gives what it printed. Node 20 has its `WebSocket` behind an option. */
  async node(file, ...args) {
    const options = typeof WebSocket === "undefined" ? ["--experimental-websocket"] : [];
    return JSON.parse(await run(this.folder, process.execPath, [...options, file, ...args]));
  }

  /** Serves a folder of the project on an origin of its own, to pages that may do only what `policy` says. */
  async serve(stage, folder, policy) {
    const root = path.join(this.folder, folder);
    const site = http.createServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://site");
      const file = path.join(root, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
      const type = TYPES[path.extname(file)];
      const body = file.startsWith(root) && type ? await readFile(file).catch(() => null) : null;
      if (body === null) return response.writeHead(404).end();
      return response
        .writeHead(200, { "content-type": type, "content-security-policy": policy })
        .end(body);
    });
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    stage.cleanup(() => {
      site.closeAllConnections();
      site.close();
    });
    return `http://127.0.0.1:${site.address().port}`;
  }
}

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** What a page must allow: its own scripts, wasm where it is used, and the service. */
export function policy(server, { wasm = true } = {}) {
  const sources = `'self'${wasm ? " 'wasm-unsafe-eval'" : ""}`;
  const service = `${server.url} ${server.url.replace("http", "ws")}`;
  return `default-src 'none'; script-src ${sources}; connect-src 'self' ${service}`;
}

/** Opens a page of a project and gives the texts of the chat that it had. */
export async function read(page, url, server) {
  const address = new URL(url);
  address.searchParams.set("endpoint", server.url);
  await page.goto(address.href);
  const output = page.locator("output:not(:empty)");
  await output.waitFor({ state: "attached" });
  const text = await output.textContent();
  assert.ok(text.startsWith("["), text);
  return JSON.parse(text);
}
