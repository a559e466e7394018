/** Files on their way to the storage and from it (docs/protocol/websocket.md S72, S77). */
import type { UploadOutput } from "./core";
import { type Reply, storageReply } from "./http";

/** Puts a file into the storage. */
export async function put({ url, headers }: UploadOutput, body: Blob, signal: AbortSignal): Promise<Reply> {
  return storageReply(await fetch(url, { method: "PUT", headers, body, signal }));
}

/** Gets a file from the storage. */
export async function download(url: string, signal: AbortSignal): Promise<{ reply: Reply; blob: Blob }> {
  const response = await fetch(url, { signal });
  return { reply: storageReply(response), blob: await response.blob() };
}
