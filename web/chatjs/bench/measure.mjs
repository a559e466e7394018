// Measures one library once, in a process of its own, and prints the result as JSON.
//
//   node bench/measure.mjs <chatloom|chatjs|floor> <load|frames|sends> [count]
import vm from "node:vm";

import { CONTACT, createSession, furnish, Socket, source } from "./page.mjs";

const [library, task, count = "0"] = process.argv.slice(2);
/** Frames that arrive together, as in a burst from a socket. */
const BURST = 50;

const tasks = { load, frames, sends };
console.log(JSON.stringify(await tasks[task](Number(count))));
process.exit(0);

/** Milliseconds from the source to a session, in a new context. */
function load() {
  const text = source(library);
  const page = { ...pick(globalThis, ["TextEncoder", "TextDecoder", "URL", "AbortController", "MessageChannel"]) };
  Object.assign(page, pick(globalThis, ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate"]));
  Object.assign(page, pick(globalThis, ["crypto", "performance", "console", "Response", "Request", "Headers", "Blob"]));
  furnish(page);
  vm.createContext(page);
  const begin = performance.now();
  vm.runInContext(text, page, { filename: library });
  const loaded = performance.now();
  const session = createSession(page.connect);
  const end = performance.now();
  session.onMessage(() => {});
  return { script: loaded - begin, session: end - loaded, total: end - begin };
}

/** Microseconds of CPU for a frame, from the socket to `onMessage`. */
async function frames(count) {
  let received = 0;
  let wanted = Infinity;
  let done;
  const onMessage = ({ data }) => {
    if (typeof data.Content === "string" && ++received === wanted) done();
  };
  const { socket } = library === "floor" ? floor(onMessage) : await connected(onMessage);
  const deliver = async (frames) => {
    for (let at = 0; at < frames.length; at += BURST) {
      wanted = received + Math.min(BURST, frames.length - at);
      const all = new Promise((resolve) => (done = resolve));
      for (let next = at; next < at + BURST && next < frames.length; next++) socket.receive(frames[next]);
      await all;
    }
  };
  await deliver(makeFrames(2_000)); // what a page's first messages compile
  const texts = makeFrames(count);
  globalThis.gc?.();
  return { us: (await cpu(() => deliver(texts))) / count, bytes: Buffer.byteLength(texts[0]) };
}

/** Microseconds of CPU for a `sendMessage`, from the call to its result. */
async function sends(count) {
  const { session } = await connected(() => {});
  const send = async (count) => {
    for (let at = 0; at < count; at++) {
      const { data } = await session.sendMessage({ message: `Message number ${at}`, contentType: "text/plain" });
      if (!data.Id) throw new Error("the message was not sent");
    }
  };
  await send(200);
  globalThis.gc?.();
  return { us: (await cpu(() => send(count))) / count };
}

/** A connected session and its socket. */
async function connected(onMessage) {
  furnish(globalThis);
  vm.runInThisContext(source(library), { filename: library });
  const session = createSession(globalThis.connect);
  session.onMessage(onMessage);
  const established = new Promise((resolve) => {
    session.onConnectionEstablished(({ data }) => data && resolve());
  });
  await session.connect();
  await established;
  return { session, socket: Socket.last };
}

/** The least that any library must do: parse twice, and call back in a task of its own. */
function floor(onMessage) {
  const receive = (text) => {
    const frame = JSON.parse(text);
    const item = JSON.parse(frame.content);
    if (item.InitialContactId === CONTACT) setImmediate(onMessage, { data: item });
  };
  return { socket: { receive } };
}

async function cpu(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Frames of 535 bytes, as the service sends a short message of an agent. */
function makeFrames(count) {
  return Array.from({ length: count }, (_, at) => {
    const number = String(at).padStart(12, "0");
    const item = {
      AbsoluteTime: "2026-01-01T00:00:00.000Z",
      Content: `Hello, that is message number ${number} of many that you wrote to me.`,
      ContentType: "text/plain",
      Id: `aaaaaaaa-bbbb-4ccc-8ddd-${number}`,
      Type: "MESSAGE",
      ParticipantId: "eeeeeeee-ffff-4000-8111-222222222222",
      DisplayName: "Ana",
      ParticipantRole: "AGENT",
      InitialContactId: CONTACT,
      ContactId: CONTACT,
    };
    return JSON.stringify({ topic: "aws/chat", contentType: "application/json", content: JSON.stringify(item) });
  });
}

function pick(object, names) {
  return Object.fromEntries(names.map((name) => [name, object[name]]));
}
