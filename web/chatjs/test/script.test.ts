/** The classic script as a page loads it. */
import vm from "node:vm";

import { build } from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";

import { classicScript } from "../build/build.mjs";

describe.each([{ minify: false }, { minify: true }])("made with %o", ({ minify }) => {
  let text = "";

  beforeAll(async () => {
    const { outputFiles } = await build({ ...classicScript, minify, write: false, sourcemap: false });
    text = outputFiles[0]?.text ?? "";
  });

  /** A page that has run the script; `connect` is what was there before. */
  function page(connect?: object): Record<string, any> {
    const globals = {
      ...{ TextEncoder, TextDecoder, AbortController, URL, crypto, performance, setTimeout, clearTimeout },
      ...(connect ? { connect } : {}),
    };
    const context = vm.createContext(globals) as Record<string, any>;
    vm.runInContext(text, context);
    return context;
  }

  test("s001 s003: connect is made, and a session can be created at once", () => {
    const { connect } = page();
    expect(Object.keys(connect)).toEqual(["ChatSession", "LogManager", "LogLevel", "csmService", "ChatJS"]);
    expect(Object.keys(connect.ChatSession)).toEqual([
      "create",
      "setGlobalConfig",
      "LogLevel",
      "Logger",
      "SessionTypes",
      "csmService",
      "setFeatureFlag",
      "setRegionOverride",
      // Ours.
      "resume",
    ]);
    expect(connect.csmService).toBe(connect.ChatSession.csmService);
    const chatDetails = { ContactId: "c", ParticipantId: "p", ParticipantToken: "t" };
    const session = connect.ChatSession.create({ chatDetails, type: "CUSTOMER" });
    expect(session.getChatDetails().contactId).toBe("c");
  });

  test("s001 s006: what is there already stays", () => {
    const before = { ChatSession: { older: true }, LogLevel: { strings: true }, other: 1 };
    const { connect } = page(before);
    expect(connect).toBe(before);
    expect(connect).toMatchObject({ ChatSession: { older: true }, LogLevel: { strings: true }, other: 1 });
  });

  test("s002: ChatJS is always replaced and names the release whose behaviour this is", () => {
    const { connect } = page({ ChatJS: { version: "4.0.0" } });
    expect(connect.ChatJS).toMatchObject({
      version: "5.0.0",
      name: "amazon-connect-chatjs",
      source: "npm",
      repository: "git+https://github.com/amazon-connect/amazon-connect-chatjs.git",
      build: { timestamp: expect.stringMatching(/^\d{4}-.*Z$/), environment: "production" },
      implementation: { name: "@chatloom/chatjs", version: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
    });
  });

  test("the script is plain ASCII and cannot end a script element", () => {
    // Not the text itself: a failure would print all of it.
    expect(text.match(/[^\x01-\x7f]/)?.[0]).toBeUndefined();
    expect(/<\/script|<!--/.test(text)).toBe(false);
  });

  test("a page that forbids wasm is told what to allow", () => {
    const context = vm.createContext({ TextEncoder, TextDecoder }, { codeGeneration: { wasm: false } }) as Record<
      string,
      any
    >;
    vm.runInContext(text, context);
    const create = () =>
      context["connect"].ChatSession.create({ chatDetails: { contactId: "c", participantId: "p" }, type: "CUSTOMER" });
    expect(create).toThrow(/'wasm-unsafe-eval'/);
  });
});
