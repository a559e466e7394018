/** Files on their way to the storage, with how far they are. */
import type { UploadOutput } from "../host/core";
import { type Reply, storageReply } from "../host/http";

/** Puts a file into the storage, as `fetch` would, which does not tell how far it is. */
export function watched(
  { url, headers }: UploadOutput,
  file: Blob,
  signal: AbortSignal,
  sent: (bytes: number) => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => sent(loaded);
    request.onload = () =>
      resolve(storageReply({ status: request.status, headers: { get: (name) => request.getResponseHeader(name) } }));
    // It does not say more, as `fetch` does not.
    request.onerror = () => reject(new TypeError("Failed to upload"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}
