/**
 * How much of its stack the core uses at most. To overrun it is a trap in wasm, which nothing replaces in the core
 * that was translated to JavaScript; the two are one program and use the same.
 */
import { instantiate } from "chatloom:core-js";
import full from "chatloom:core-full";
import small from "chatloom:core";
import { expect, test } from "vitest";

import { inlined } from "../src/host/wasm";
import type { Exports } from "../src/host/wasm";

/** `STACK` of xtask/src/tools/wasm_target.rs: it begins there and grows down to 0. */
const STACK = 65_536;

/** A core with one session on an open socket. */
class Instance {
  readonly #exports: Exports;
  readonly socket: number;

  constructor(exports: Exports) {
    this.#exports = exports;
    exports.start(1, 2);
    const tokens = { participantToken: "t", participantId: "p", contactId: "c", initialContactId: "c" };
    this.tell({ type: "create", session: 1, endpoint: "https://example.com", userAgent: "", ...tokens });
    this.tell({ type: "track", session: 1 });
    const asked = this.tell({ type: "connect", session: 1, call: 2 });
    const body = JSON.stringify({
      Websocket: { Url: "wss://example.com/", ConnectionExpiry: "2026-01-01T01:00:00.000Z" },
      ConnectionCredentials: { ConnectionToken: "x", Expiry: "2026-01-02T00:00:00.000Z" },
    });
    const { request } = asked.find(({ type }) => type === "http");
    const open = this.tell({ type: "answered", request, status: 200, body }).find(({ type }) => type === "open");
    this.socket = open.socket;
    this.tell({ type: "opened", socket: this.socket });
  }

  tell(input: object): any[] {
    const bytes = new TextEncoder().encode(JSON.stringify(input));
    const place = this.#exports.input(bytes.length);
    new Uint8Array(this.#exports.memory.buffer).set(bytes, place);
    const length = this.#exports.handle(bytes.length, 1000, Date.parse("2026-01-01T00:00:00Z"));
    const start = this.#exports.output();
    const text = new TextDecoder().decode(new Uint8Array(this.#exports.memory.buffer).slice(start, start + length));
    return length === 0 ? [] : JSON.parse(text);
  }

  /** The lowest byte that was ever written. */
  untouched(): number {
    return new Uint8Array(this.#exports.memory.buffer, 0, STACK).findIndex((byte) => byte !== 0);
  }
}

/** An item that has JSON of this depth in each of its members. */
function item(depth: number): string {
  const deep = `${'{"a":['.repeat(depth / 2)}1${"]}".repeat(depth / 2)}`;
  const members = ["Content", "MessageMetadata", "Attachments", "Other"].map((name) => `"${name}":${deep}`);
  const head = `"Id":"${depth}","Type":"MESSAGE","AbsoluteTime":"2026-01-01T00:00:00.000Z","InitialContactId":"c"`;
  return `{${head},"MessageMetadata":{"Receipts":[${deep}]},${members.join()}}`;
}

test.each([
  ["translated", instantiate],
  ["small", () => inlined(small).load() as Exports],
  ["full", () => inlined(full).load() as Exports],
] as const)("the %s core leaves half of its stack, whatever is read", (_, load) => {
  const core = new Instance(load());
  for (const depth of [2, 64, 100, 120, 124, 126, 128, 130, 10_000]) {
    const content = item(depth);
    core.tell({ type: "text", socket: core.socket, text: JSON.stringify({ topic: "aws/chat", content }) });
    core.tell({ type: "text", socket: core.socket, text: `{"topic":"aws/chat","content":${content}}` });
    core.tell({ type: "text", socket: core.socket, text: content });
  }
  expect(core.untouched()).toBeGreaterThan(STACK / 2);
  expect(core.untouched()).toBeLessThan(STACK);
});
