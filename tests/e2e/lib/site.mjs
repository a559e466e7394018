// The shop of `page/`: a page that was written for amazon-connect-chatjs, with any library in it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { Log } from "./log.mjs";

const PAGES = path.join(import.meta.dirname, "..", "page");
/** What is exchanged in the page, and nothing else. */
const TAG = '<script src="/amazon-connect-chatjs.js"></script>';

const TYPES = { ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

/** A file of `page/`. */
export async function file(name) {
  return { type: TYPES[path.extname(name)], body: await readFile(path.join(PAGES, name), "utf8") };
}

/**
 * Opens the shop with a library and an application; gives the page, what it tells, and a function
 * that does something in it and says what that came to.
 */
export async function openShop(stage, server, library, application, { headers, ...options } = {}) {
  const html = await file("shop.html");
  assert.equal(html.body.split(TAG).length, 2, "the page has the library once");
  const origin = await stage.site({
    "/": { ...html, headers, body: html.body.replace(TAG, library.tag) },
    "/shop.css": await file("shop.css"),
    "/application.js": await file(application),
    ...(await library.files()),
  });
  const page = await stage.page({ viewport: { width: 560, height: 480 }, ...options });
  const told = new Log(`page with ${library.name}`);
  await page.exposeFunction("note", (entry) => told.push(entry));
  await page.goto(`${origin}/?server=${encodeURIComponent(server.url)}`);
  return { page, told, outcome: (call, argument) => outcome(page, call, argument) };
}

/** What a call in the page came to: its value, what it rejected with, or what it threw. */
function outcome(page, call, argument) {
  return page.evaluate(`(${settle})(${call}, ${JSON.stringify(argument) ?? "undefined"})`);
}

async function settle(call, argument) {
  const describe = (error) =>
    error instanceof Error
      ? { error: error.name, message: error.message, argument: error.argument }
      : error;
  let promise;
  try {
    promise = call(argument);
  } catch (error) {
    return { threw: describe(error) };
  }
  try {
    return { value: await promise };
  } catch (error) {
    return { rejected: describe(error) };
  }
}
