/** Files on their way to the storage and from it (docs/protocol/websocket.md S72, S77). */
import type { UploadOutput } from "./core";
import { type Reply, storageReply } from "./http";

/**
 * Puts a file into the storage. Whoever wants to hear how far it is gets that from `XMLHttpRequest`, since
 * `fetch` does not tell; where there is none, nobody hears.
 */
export function upload(
  { url, headers }: UploadOutput,
  file: Blob,
  signal: AbortSignal,
  progress?: (sent: number) => void,
): Promise<Reply> {
  if (progress && typeof XMLHttpRequest === "function") return watched(url, headers, file, signal, progress);
  return fetch(url, { method: "PUT", headers, body: file, signal }).then((response) =>
    storageReply(response.status, response.headers.get("Retry-After")),
  );
}

function watched(
  url: string,
  headers: Record<string, string>,
  file: Blob,
  signal: AbortSignal,
  progress: (sent: number) => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded }) => progress(loaded);
    request.onload = () => resolve(storageReply(request.status, request.getResponseHeader("Retry-After")));
    // It does not say more, as `fetch` does not.
    request.onerror = () => reject(new TypeError("Failed to upload"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

/** Gets a file from the storage. */
export async function download(url: string, signal: AbortSignal): Promise<{ reply: Reply; blob: Blob }> {
  const response = await fetch(url, { signal });
  return { reply: storageReply(response.status, response.headers.get("Retry-After")), blob: await response.blob() };
}
