/** The typings: beside those of the original, beside programs, beside crates/wire, beside what they describe. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const compiler = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
const ORIGINAL = "node_modules/amazon-connect-chatjs/dist/index.d.ts";

let folder = "";
// Inside the package, so that what is compiled finds its packages.
beforeAll(() => {
  folder = mkdtempSync(path.join(root, "node_modules/.types-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What the compiler says of these files. */
function compiled(...files: string[]): string {
  const settings = "--noEmit --strict --target es2022 --lib es2022,dom --module nodenext --types".split(" ");
  try {
    return execFileSync(process.execPath, [compiler, ...settings, "", "--ignoreConfig", ...files], {
      cwd: root,
      encoding: "utf8",
    });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Writes a file beside what is compiled. */
function written(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("beside the original's", () => {
  test("a program compiles with the original's and with ours", () => {
    expect(compiled(ORIGINAL, "test/types/original.ts")).toBe("");
    const ours = `/// <reference path="../../types/index.d.ts" />\n`;
    expect(compiled("types/index.d.ts", written("original.ts", ours + read("test/types/original.ts")))).toBe("");
  });

  test("every name is there, and means the same", () => {
    const text = read(ORIGINAL);
    const names = [...text.matchAll(/^  (?:export )?(?:interface|type) (\w+)(<\w+(?:, \w+)?>)?/gm)];
    expect(names.length).toBeGreaterThan(50);
    const both = written("both.d.ts", text.replace("declare namespace connect", "declare namespace original"));
    const lines = names.map(([, name = "", parameters = ""]) => {
      const type = name + parameters.replace(/\w+/g, "string").replace(/</, "<");
      return `be<connect.${type}>(null! as original.${type}); be<original.${type}>(null! as connect.${type});`;
    });
    const check = written(
      "check.ts",
      ['/// <reference path="./both.d.ts" />', "declare function be<T>(value: T): void;", ...lines].join("\n"),
    );
    expect(compiled("types/connect.d.ts", both, check)).toBe("");
  });
});

test("what is new and more precise", () => {
  expect(compiled("test/types/precise.ts")).toBe("");
});

describe("beside crates/wire", () => {
  const rust = (file: string) => readFileSync(path.join(root, "../../crates/wire/src", file), "utf8");
  const types = read("types/item.d.ts");

  /** The values of an `open_enum!`. */
  function values(file: string, name: string): string[] {
    const body = new RegExp(`pub enum ${name} \\{(.*?)\\n    \\}`, "s").exec(rust(file))?.[1] ?? "";
    return [...body.matchAll(/= *\n? *"([^"]+)"/g)].map(([, value]) => value ?? "").sort();
  }

  /** The members of a union of texts. */
  function union(name: string): string[] {
    const body = new RegExp(`export type ${name} =(.*?);`, "s").exec(types)?.[1] ?? "";
    return [...body.matchAll(/"([^"]+)"/g)].map(([, value]) => value ?? "").sort();
  }

  test("the open sets", () => {
    const contentTypes = values("content_type.rs", "ContentType");
    expect(contentTypes.length).toBeGreaterThan(30);
    expect([...union("MessageContentType"), ...union("EventContentType")].sort()).toEqual(contentTypes);
    expect(union("ItemType")).toEqual(values("item.rs", "ItemType"));
    expect(union("ParticipantRole")).toEqual(values("item.rs", "ParticipantRole"));
  });

  test.each([
    ["ItemHead", "ItemHead", ["Type", "ContentType", "Attachments"]],
    ["MessageMetadata", "MessageMetadata", []],
    ["Receipt", "Receipt", []],
    ["AttachmentItem", "Attachment", []],
  ])("the members of %s", (struct, name, elsewhere: string[]) => {
    const pascal = (member: string) => member.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
    const fields = new RegExp(`pub struct ${struct} \\{(.*?)\\n\\}`, "s").exec(rust("item.rs"))?.[1] ?? "";
    const known = [...fields.matchAll(/pub (\w+):/g)].map(([, field = ""]) =>
      pascal(field)
        .replace(/^ItemType$/, "Type")
        .replace(/^FileStatus$/, "Attachments"),
    );
    const body = new RegExp(`interface ${name} \\{(.*?)\\n\\}`, "s").exec(types)?.[1] ?? "";
    const members = [...body.matchAll(/readonly (\w+)\??:/g)].map(([, member = ""]) => member);
    expect(known.length).toBeGreaterThan(2);
    expect([...members, ...elsewhere].sort()).toEqual(known.sort());
  });
});
