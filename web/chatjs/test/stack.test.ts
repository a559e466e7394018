/**
 * How much of its stack the core uses at most. To overrun it is a trap in wasm, which nothing replaces in the core
 * that was translated to JavaScript; the two are one program and use the same.
 */
import { instantiate } from "chatloom:core-js";
import full from "chatloom:core-full";
import small from "chatloom:core";
import { expect, test } from "vitest";

import * as kinds from "../src/chatloom/kinds";
import { addKinds } from "../src/host/border";
import { Core } from "../src/host/core";
import { frameOf, objectOf, partOf } from "../src/host/parsed";
import { inlined } from "../src/host/wasm";
import type { Exports } from "../src/host/wasm";

/** `STACK` of xtask/src/tools/wasm_target.rs: it begins there and grows down to 0. */
const STACK = 65_536;

addKinds(kinds);

/** A core with one session on an open socket. */
class Instance {
  readonly #memory: Exports["memory"];
  readonly #core: Core;
  readonly #socket: number;

  constructor(exports: Exports) {
    this.#memory = exports.memory;
    this.#core = new Core(exports);
    const tokens = { participantToken: "t", participantId: "p", contactId: "c", initialContactId: "c" };
    this.#core.handle({ type: "create", session: 1, endpoint: "https://example.com", userAgent: "", ...tokens });
    this.#core.handle({ type: "track", session: 1 });
    const asked = this.#core.handle({ type: "connect", session: 1, call: 2 });
    const request = asked.find((output) => output.type === "http")!.request;
    const parsed = [1, 1, "wss://example.com/", "x", Date.UTC(2026, 0, 2)];
    const answered = this.#core.handle({ type: "answered", request, status: 200, parsed });
    this.#socket = answered.find((output) => output.type === "open")!.socket;
    this.#core.handle({ type: "opened", socket: this.#socket });
  }

  /** An item comes, once as part of a streamed message and once as one that the host keeps. */
  receive(text: string): void {
    const item = objectOf(text)!;
    this.#core.handle({ type: "part", source: this.#socket, text, parsed: partOf(item) });
    this.#core.item(this.#socket, 1, item, "whole");
    this.#core.handle({ type: "frame", socket: this.#socket, parsed: frameOf(item) });
  }

  /** The lowest byte that was ever written. */
  untouched(): number {
    return new Uint8Array(this.#memory.buffer, 0, STACK).findIndex((byte) => byte !== 0);
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
    core.receive(item(depth));
  }
  expect(core.untouched()).toBeGreaterThan(STACK / 2);
  expect(core.untouched()).toBeLessThan(STACK);
});
