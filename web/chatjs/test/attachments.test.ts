/** Files on their way to the storage and from it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { beforeAll, beforeEach, expect, test } from "vitest";

import { createSession, installWebSocket, rejection, Service } from "./service";

const START = "/participant/start-attachment-upload";
const COMPLETE = "/participant/complete-attachment-upload";
const GET = "/participant/attachment";

let service: Service;
let storage: Storage;

/** A storage that keeps what it was given, and answers with a status. */
interface Storage {
  url: string;
  status: number;
  readonly given: { method: string; headers: Record<string, unknown>; body: string }[];
  readonly server: Server;
}

beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
  storage = await startStorage();
  return async () => {
    await service.stop();
    storage.server.closeAllConnections();
    await new Promise((resolve) => storage.server.close(resolve));
  };
});

async function startStorage(): Promise<Storage> {
  const given: Storage["given"] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      given.push({
        method: request.method ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      response.writeHead(started.status);
      response.end("the file");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const started = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`,
    status: 200,
    given,
    server,
  };
  return started;
}

/** A connected session, and a service that says where files go and are. */
async function connected() {
  const { session } = createSession(service);
  await session.connect();
  const metadata = { Url: storage.url, UrlExpiry: "2126-01-01T00:00:00.000Z", HeadersToInclude: { "x-mine": "1" } };
  service.answer(START, { status: 200, body: { AttachmentId: "a-1", UploadMetadata: metadata } });
  service.answer(COMPLETE, { status: 200, body: {} });
  service.answer(GET, { status: 200, body: { Url: storage.url, UrlExpiry: "2126-01-01T00:00:00.000Z" } });
  return session;
}

const attachment = new File(["the file"], "notes.txt", { type: "text/plain" });

test("s072 s075: a file goes to where the service says, and the service is told", async () => {
  const session = await connected();
  await expect(session.sendAttachment({ attachment, metadata: "mine" })).resolves.toEqual({
    data: { $metadata: expect.objectContaining({ httpStatusCode: 200 }) as unknown },
    metadata: "mine",
  });
  expect(service.of(START)[0]?.body).toEqual({
    AttachmentName: "notes.txt",
    AttachmentSizeInBytes: 8,
    ClientToken: expect.any(String) as unknown,
    ContentType: "text/plain",
  });
  expect(storage.given).toHaveLength(1);
  expect(storage.given[0]).toMatchObject({ method: "PUT", body: "the file", headers: { "x-mine": "1" } });
  expect(service.of(COMPLETE)[0]?.body).toMatchObject({ AttachmentIds: ["a-1"] });
});

test("s073_mended_d8: a file that the storage refuses fails, and the service is not told", async () => {
  const session = await connected();
  storage.status = 403;
  expect(await rejection(session.sendAttachment({ attachment, metadata: "mine" }))).toMatchObject({
    type: "Error",
    message: expect.stringMatching(/storage/) as unknown,
    statusCode: 403,
    metadata: "mine",
  });
  expect(service.of(COMPLETE)).toHaveLength(0);
});

test("s074: a storage that cannot be reached rejects with what fetch threw", async () => {
  const session = await connected();
  storage.server.closeAllConnections();
  await new Promise((resolve) => storage.server.close(resolve));
  for (const call of [
    () => session.sendAttachment({ attachment, metadata: "mine" }),
    () => session.downloadAttachment({ attachmentId: "a-1", metadata: "mine" }),
  ]) {
    const error = await rejection(call());
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "fetch failed", metadata: "mine" });
  }
});

test("s060: a service that does not want a file rejects as for any call", async () => {
  const { session } = createSession(service);
  await session.connect();
  service.answer(START, {
    status: 400,
    headers: { "x-amzn-ErrorType": "ValidationException" },
    body: { Message: "no" },
  });
  expect(await rejection(session.sendAttachment({ attachment }))).toMatchObject({
    type: "ValidationException",
    message: "no",
    statusCode: 400,
    metadata: null,
  });
  service.answer(START, null);
  expect(await rejection(session.sendAttachment({ attachment }))).toMatchObject({ type: "TypeError", metadata: null });
});

test("s077: a file comes as a blob with the metadata of the caller, whatever the storage's status", async () => {
  const session = await connected();
  storage.status = 404;
  const blob = await session.downloadAttachment({ attachmentId: "a-1", metadata: "mine" });
  expect(blob).toBeInstanceOf(Blob);
  expect(blob.metadata).toBe("mine");
  expect(await blob.text()).toBe("the file");
  expect(service.of(GET)[0]?.body).toEqual({ AttachmentId: "a-1" });
});
