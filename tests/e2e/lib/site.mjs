// The pages of `page/`, written for amazon-connect-chatjs, with any library in them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";

import { filesOf } from "./libraries.mjs";
import { Log } from "./log.mjs";

const PAGES = path.join(import.meta.dirname, "..", "page");
/** What is exchanged in the shop's page, and nothing else. */
const TAG = '<script src="/amazon-connect-chatjs.js"></script>';
/** Where an agent's page has its libraries. */
const LIBRARIES = "<!-- libraries -->";

const TYPES = { ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript" };

/** A file of `page/`. */
async function file(name) {
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
  const query = new URLSearchParams({ server: server.url });
  return openPage(stage, `${origin}/?${query}`, `shop with ${library.name}`, options);
}

/**
 * Opens a page that watches what becomes of `connect` and `AWS`, with libraries in an order, one of
 * them the watched one, and with a contact panel if Streams is to have one.
 */
export async function openOrder(stage, server, libraries, watched, panel) {
  const html = await file("orders.html");
  const mark = '<script src="/mark.js"></script>';
  const tags = libraries.map((library) =>
    library === watched ? mark + library.tag + mark : library.tag,
  );
  const origin = await stage.site({
    "/": { ...html, body: html.body.replace(LIBRARIES, tags.join("")) },
    "/watch.js": await file("watch.js"),
    "/mark.js": { type: "text/javascript", body: "mark();" },
    "/application.js": await file("orders.js"),
    ...(await filesOf(libraries)),
  });
  const query = new URLSearchParams({ server: server.url, ...(panel && { panel }) });
  const name = libraries.map((library) => library.name).join(", ");
  return openPage(stage, `${origin}/?${query}`, name);
}

/** The address of a contact panel for Streams to frame. */
export async function panelAddress(stage, server) {
  const panels = await stage.site({
    "/panel": await file("panel.html"),
    "/panel.js": await file("panel.js"),
  });
  // Without a percent sign, which the log of Streams takes for a format.
  return `${panels}/panel?port=${new URL(server.url).port}`;
}

/**
 * Opens the desk of an agent with libraries in an order; gives the page, what it tells, and the
 * contact panel in it.
 */
export async function openDesk(stage, server, libraries, { alternative } = {}) {
  const html = await file("desk.html");
  const tags = libraries.map((library) => library.tag).join("");
  const origin = await stage.site({
    "/": { ...html, body: html.body.replace(LIBRARIES, tags) },
    "/shop.css": await file("shop.css"),
    "/application.js": await file("desk.js"),
    ...(await filesOf(libraries)),
  });
  const panel = await panelAddress(stage, server);
  const query = new URLSearchParams({ server: server.url, panel });
  if (alternative) query.set("alternative", "");
  const name = `desk with ${libraries.map((library) => library.name).join(", ")}`;
  const opened = await openPage(stage, `${origin}/?${query}`, name);
  const frame = opened.page.frames().find((frame) => frame.url() === panel);
  assert.ok(frame, "Streams frames the panel");
  return { ...opened, panel: frame };
}

/**
 * Opens a page whose chat goes on after a reload and in other tabs; gives the page, what it tells, the sockets
 * that it opened, and a function that opens another tab of the same.
 */
export async function openTab(stage, server, library, { storage, tabs }) {
  const html = await file("tabs.html");
  const origin = await stage.site({
    "/": { ...html, body: html.body.replace(LIBRARIES, library.tag) },
    "/shop.css": await file("shop.css"),
    "/application.js": await file("tabs.js"),
    ...(await library.files()),
  });
  const query = new URLSearchParams({ server: server.url, storage, ...(tabs && { tabs: "" }) });
  const tab = async (page, number) => {
    const told = new Log(`tab ${number}`);
    const sockets = [];
    page.on("websocket", (socket) => sockets.push(socket));
    await page.exposeFunction("note", (entry) => told.push(entry));
    await page.goto(`${origin}/?${query}`);
    const openAnother = async () => tab(await page.context().newPage(), number + 1);
    return { page, told, sockets, openAnother };
  };
  return tab(await stage.page({ viewport: { width: 560, height: 480 } }), 1);
}

async function openPage(stage, url, name, options = {}) {
  const page = await stage.page({ viewport: { width: 560, height: 480 }, ...options });
  const told = new Log(name);
  const requests = [];
  page.on("request", (request) => {
    const asked = describe(request);
    if (asked) requests.push(asked);
  });
  await page.exposeFunction("note", (entry) => told.push(entry));
  await page.goto(url);
  return { page, told, requests, outcome: (call, argument) => outcome(page, call, argument) };
}

/** What a page asks the Participant Service; of the string that names the library its end. */
function describe(request) {
  const { pathname, search } = new URL(request.url());
  if (!pathname.startsWith("/participant/") || request.method() === "OPTIONS") return undefined;
  const headers = request.headers();
  return {
    told: `${request.method()} ${pathname}${search}`,
    data: {
      body: request.postDataJSON(),
      type: headers["content-type"],
      bearer: headers["x-amz-bearer"],
      agent: headers["x-amz-user-agent"]?.split(" ").at(-1),
    },
  };
}

/** What a call in the page came to: its value, what it rejected with, or what it threw. */
function outcome(page, call, argument) {
  return page.evaluate(`(${settle})(${call}, ${JSON.stringify(argument) ?? "undefined"})`);
}

async function settle(call, argument) {
  const plain = (error) =>
    error instanceof Error
      ? { error: error.name, message: error.message, argument: error.argument }
      : error;
  let promise;
  try {
    promise = call(argument);
  } catch (error) {
    return { threw: plain(error) };
  }
  try {
    return { value: await promise };
  } catch (error) {
    return { rejected: plain(error) };
  }
}
