// What a test starts, and that all of it goes away again.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { Log, PATIENCE_MS } from "./log.mjs";

/** The public keys and ids of `serve --demo`. */
export const DEMO = {
  accessKey: "chatloom",
  secret: "chatloom-demo-secret",
  region: "us-west-2",
  instance: "11111111-1111-4111-8111-111111111111",
  flow: "22222222-2222-4222-8222-222222222222",
};

/**
 * Where a certificate is, if the servers are to have TLS, and a browser's home in which its authority
 * is trusted: `tls.test.mjs` says so.
 */
const { TLS_FOLDER } = process.env;

/** The short names of event content types. */
export const event = (name) => `application/vnd.amazonaws.connect.event.${name}`;

/** The environment without settings for the program. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(CHATLOOM_|RUST_LOG$)/.test(name)),
);

/** Whoever runs the tests says where the programs are. */
export function program(variable) {
  const found = process.env[variable];
  assert.ok(found, `set ${variable}: \`cargo xtask test e2e\` does`);
  return found;
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Declares a test that gets a stage; when it fails, what its programs wrote is printed. */
export function scenario(name, body) {
  test(name, { timeout: 5 * 60_000 }, async () => {
    const stage = new Stage();
    try {
      await body(stage);
    } catch (error) {
      stage.report();
      throw error;
    } finally {
      await stage.clear();
    }
  });
}

/** A program that was started. Each line of its standard output is an entry of `lines`. */
class Program {
  #child;
  #name;
  #exited;
  output = "";
  errors = "";
  lines;

  constructor(name, file, args, { read = (line) => line, env = environment } = {}) {
    this.#name = name;
    this.lines = new Log(name);
    this.#child = spawn(file, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    running.add(this.#child);
    this.#child.stdin.on("error", () => {}); // it has gone; whoever waits for it learns so
    this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.errors += text));
    readline.createInterface({ input: this.#child.stdout }).on("line", (line) => {
      this.output += `${line}\n`;
      this.lines.push(read(line));
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve({ error }));
      this.#child.once("close", (code, signal) => resolve({ code, signal }));
    });
    this.#exited.then((how) => {
      running.delete(this.#child);
      this.lines.close(`the program ended: ${how.error ?? how.signal ?? how.code}`);
    });
  }

  write(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Waits for its end; gives its exit code or signal. */
  async exit() {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name} does not end`)), 5 * PATIENCE_MS);
    });
    return Promise.race([this.#exited, late]).finally(() => clearTimeout(timer));
  }

  async kill() {
    this.#child.kill("SIGKILL");
    return this.exit();
  }

  report() {
    const part = (title, text) => `--- ${this.#name}: ${title}\n${text}`;
    console.error(part("standard output", this.output) + part("standard error", this.errors));
  }
}

/** `chatloom serve --demo`, with data that outlive it. */
class Server {
  #stage;
  #data;
  #more;
  #program;
  url;

  constructor(stage, data, { config, more = [] } = {}) {
    this.#stage = stage;
    this.#data = data;
    this.#more = config ? ["--config", config, ...more] : more;
  }

  /** Starts it, at the address that it had before if it had one. */
  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const args = ["serve", "--demo", "--listen", listen, "--data", this.#data, ...this.#more];
    if (TLS_FOLDER) {
      args.push("--set", `tls.certificate=${path.join(TLS_FOLDER, "certificate.pem")}`);
      args.push("--set", `tls.key=${path.join(TLS_FOLDER, "key.pem")}`);
    }
    this.#program = this.#stage.run("chatloom serve", program("CHATLOOM_BIN"), args);
    const line = await this.#program.lines.find("address", () => true);
    const url = /^listening on (https?:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
    assert.ok(url, `an address: ${line}`);
    assert.equal(url, this.url ?? url, "the same address again");
    this.url = url;
    return this;
  }

  /** Ends it in the middle of whatever it does. */
  async kill() {
    await this.#program.kill();
  }
}

/** `chatloom chat` or `agent` with `--format jsonl`: takes commands and tells events. */
class Terminal {
  #program;

  constructor(program) {
    this.#program = program;
  }

  /** What it told, in order. */
  get events() {
    return this.#program.lines;
  }

  do(command) {
    this.#program.write(JSON.stringify(command));
  }

  /** Waits for a text from the other side. */
  hears(content, role = "CUSTOMER") {
    const matches = (seen) => seen.content === content && seen.role === role;
    return this.events.find(`"${content}" from ${role}`, matches);
  }

  /** Waits for an event by its content type. */
  sees(contentType, role) {
    const matches = (seen) => seen.contentType === contentType && (!role || seen.role === role);
    return this.events.find(`${contentType} of ${role ?? "anybody"}`, matches);
  }

  /** Answers every text of the customer that matches, from now on. */
  answer(pattern, reply) {
    this.events.watch((seen) => {
      const found = seen.role === "CUSTOMER" && pattern.exec(seen.content);
      if (found) this.do({ send: reply(...found.slice(1)) });
    });
  }

  /** The texts so far, in the order in which they came. */
  texts() {
    return this.events.entries.filter((seen) => seen.contentType === "text/plain");
  }
}

class Stage {
  #programs = [];
  #cleanups = [];
  #browser;
  #over = false;

  /** Starts a program. */
  run(name, file, args, options) {
    this.#goesOn();
    const started = new Program(name, file, args, options);
    this.#programs.push(started);
    return started;
  }

  /** Has something done when the test is over. */
  afterwards(cleanup) {
    this.#goesOn();
    this.#cleanups.push(cleanup);
  }

  /** An empty folder. */
  async folder() {
    const folder = await mkdtemp(path.join(tmpdir(), "chatloom-e2e-"));
    this.#cleanups.push(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  /** Something to do in the end, the last first. */
  cleanup(undo) {
    this.#cleanups.push(undo);
  }

  /** A server, perhaps with a configuration file and more arguments. */
  async server(options) {
    return new Server(this, await this.folder(), options).start();
  }

  /** An agent who takes every chat. */
  agent(server, user = "ana") {
    return this.#terminal(server, `agent ${user}`, ["agent", "--user", user, "--auto-accept"]);
  }

  /** A customer who starts a chat. */
  customer(server, name = "Jane") {
    return this.#terminal(server, `customer ${name}`, ["chat", "--name", name]);
  }

  #terminal(server, name, args) {
    const all = [...args, "--endpoint", server.url, "--format", "jsonl"];
    return new Terminal(this.run(name, program("CHATLOOM_BIN"), all, { read: JSON.parse }));
  }

  /** Serves files, each with its own headers if it has any, on an origin of their own. */
  async site(files) {
    this.#goesOn();
    const site = http.createServer((request, response) => {
      const file = files[new URL(request.url, "http://site").pathname];
      if (!file) return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": file.type, ...file.headers }).end(file.body);
    });
    site.listen(0, "127.0.0.1");
    await once(site, "listening");
    this.#cleanups.push(() => {
      site.closeAllConnections();
      site.close();
    });
    return `http://127.0.0.1:${site.address().port}`;
  }

  /** Chromium, one for the stage. */
  async #chromium() {
    const browser = await chromium.launch({
      executablePath: program("CHROMIUM"),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
      ...(TLS_FOLDER && { env: { ...process.env, HOME: path.join(TLS_FOLDER, "home") } }),
    });
    this.#cleanups.push(() => browser.close());
    return browser;
  }

  /** A page in Chromium, with storage of its own; what it logs is told when the test fails. */
  async page(options = {}) {
    this.#goesOn();
    this.#browser ??= this.#chromium();
    // A context of its own by name, so that it may have more pages.
    const page = await (await (await this.#browser).newContext(options)).newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    const console_ = new Log("console");
    page.on("console", (message) => console_.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => console_.push(`uncaught: ${error.stack ?? error}`));
    const report = () =>
      console.error(`--- the page's console\n${console_.entries.slice(-60).join("\n")}`);
    this.#programs.push({ report });
    return page;
  }

  report() {
    for (const started of this.#programs) started.report();
  }

  /** Whoever comes late, after another part of the test has failed, starts nothing more. */
  #goesOn() {
    assert.ok(!this.#over, "the test is over");
  }

  /** Ends and removes everything. */
  async clear() {
    this.#over = true;
    for (const started of this.#programs) await started.kill?.();
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
  }
}
