/** Files: uploads and downloads. */
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

import { watched } from "../src/chatloom/upload";
import { type Also, host } from "../src/host/host";
import { begin, type Direct } from "./direct";
import { installWebSocket, rejection, Service } from "./service";

const START = "/participant/start-attachment-upload";
const COMPLETE = "/participant/complete-attachment-upload";
const ATTACHMENT = "/participant/attachment";
const STORAGE = "/storage?signed";

let service: Service;
beforeAll(installWebSocket);
beforeEach(async () => {
  service = await Service.start();
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await service.stop();
});

/** What the bytes are, which the service of the tests reads as JSON. */
const BYTES = '{"bytes":7}';

async function connected(): Promise<Direct> {
  const session = begin(service);
  await session.call({ type: "connect" });
  service.answer(START, {
    status: 200,
    body: {
      AttachmentId: "a-1",
      UploadMetadata: {
        Url: service.endpoint + STORAGE,
        UrlExpiry: "2100-01-01T00:00:00.000Z",
        HeadersToInclude: { "Content-Type": "text/csv", "x-amz-acl": "private" },
      },
    },
  });
  service.answer(COMPLETE, { status: 200, body: {} });
  service.answer(ATTACHMENT, {
    status: 200,
    body: { Url: service.endpoint + STORAGE, UrlExpiry: "2100-01-01T00:00:00.000Z", AttachmentSizeInBytes: 11 },
  });
  return session;
}

function send(session: Direct, also: Also = {}) {
  const file = new File([BYTES], "list.csv", { type: "text/csv" });
  return session.call(
    { type: "sendAttachment", name: file.name, size: file.size, contentType: file.type },
    { ...also, file },
  );
}

test("s072 s075: a file is announced, put into the storage and completed", async () => {
  const session = await connected();
  await expect(send(session)).resolves.toMatchObject({ data: { $metadata: { httpStatusCode: 200 } } });
  const paths = service.requests.map(({ path }) => path);
  expect(paths.slice(1)).toEqual([START, STORAGE, COMPLETE]);
  expect(service.of(START)[0]?.body).toEqual({
    AttachmentName: "list.csv",
    AttachmentSizeInBytes: BYTES.length,
    ClientToken: expect.any(String),
    ContentType: "text/csv",
  });
  const [put] = service.of(STORAGE);
  expect(put?.body).toEqual(JSON.parse(BYTES));
  expect(put?.headers).toMatchObject({ "content-type": "text/csv", "x-amz-acl": "private" });
  expect(put?.headers["x-amz-bearer"]).toBeUndefined();
  expect(service.of(COMPLETE)[0]?.body).toMatchObject({ AttachmentIds: ["a-1"] });
});

test("s073: d8 mended: a file that the storage refuses is not completed, and its status is told", async () => {
  const session = await connected();
  service.answer(STORAGE, { status: 403, body: "<Error/>" });
  expect(await rejection(send(session))).toMatchObject({ error: "storage", operation: "upload", status: 403 });
  expect(service.of(COMPLETE)).toEqual([]);
});

test("s074: an upload that breaks off rejects with what was thrown", async () => {
  const session = await connected();
  service.answer(STORAGE, null);
  const error = (await rejection(send(session))) as { error: string; cause: unknown };
  expect(error.error).toBe("unreachable");
  expect(error.cause).toBeInstanceOf(TypeError);
});

test("s077: a file is fetched whatever the storage's status", async () => {
  for (const status of [200, 404]) {
    const session = await connected();
    service.answer(STORAGE, { status, headers: { "content-type": "text/csv" }, body: BYTES });
    const { blob } = await session.call({ type: "downloadAttachment", attachmentId: "a-1" });
    expect(await blob?.text()).toBe(BYTES);
    expect(blob?.type).toBe("text/csv");
    expect(service.of(ATTACHMENT).at(-1)?.body).toEqual({ AttachmentId: "a-1" });
  }
});

test("s078: where a file is is told without fetching it", async () => {
  const session = await connected();
  const { url } = await session.call({ type: "getAttachmentUrl", attachmentId: "a-1" });
  expect(url).toBe(service.endpoint + STORAGE);
  expect(service.of(STORAGE)).toEqual([]);
});

/** An `XMLHttpRequest` as far as uploads need one. */
class Request {
  static last: Request | undefined;
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  readonly headers: Record<string, string> = {};
  status = 0;
  aborted = false;
  sent: unknown;
  onload?: () => void;
  onerror?: () => void;
  constructor() {
    Request.last = this;
  }
  open(): void {}
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }
  getResponseHeader(): null {
    return null;
  }
  send(body: unknown): void {
    this.sent = body;
  }
  abort(): void {
    this.aborted = true;
  }
  static async started(): Promise<Request> {
    return vi.waitFor(() => {
      expect(Request.last?.sent).toBeDefined();
      return Request.last as Request;
    });
  }
}

test("d08: whoever wants to hears how far a file is, and may call it off", async () => {
  vi.stubGlobal("XMLHttpRequest", Request);
  const session = await connected();
  const done = send(session, { upload: watched });
  const request = await Request.started();
  expect(request.headers).toEqual({ "Content-Type": "text/csv", "x-amz-acl": "private" });
  request.upload.onprogress?.({ loaded: 5 });
  request.upload.onprogress?.({ loaded: 99 });
  request.status = 204;
  request.onload?.();
  await expect(done).resolves.toBeDefined();
  const progress = session.events.filter(({ type }) => type === "attachmentProgress");
  expect(progress).toMatchObject([
    { sent: 5, total: BYTES.length },
    { sent: BYTES.length, total: BYTES.length },
  ]);

  Request.last = undefined;
  const other = await connected();
  let number = 0;
  const rejected = rejection(send(other, { upload: watched, started: (call) => (number = call) }));
  const stopped = await Request.started();
  host().cancel(number);
  expect(await rejected).toMatchObject({ error: "cancelled" });
  expect(stopped.aborted).toBe(true);

  Request.last = undefined;
  const third = await connected();
  const broken = rejection(send(third, { upload: watched }));
  (await Request.started()).onerror?.();
  expect(await broken).toMatchObject({ error: "unreachable", message: "TypeError: Failed to upload" });
});
