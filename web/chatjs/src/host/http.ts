/** Requests to the service and to the storage of files, and what came of them. */
import type { ParticipantClient } from "../../types/index";
import type { ask } from "./clients";
import type { DoneOutput, HttpOutput, Input } from "./core";

/** An answer. */
export interface Reply extends Pick<Extract<Input, { type: "answered" }>, "status" | "retryAfterMs"> {
  errorType?: string | null | undefined;
  requestId?: string | null | undefined;
  body: string;
}

/** Gives what has clients of the application's make requests. */
let asker: () => Promise<typeof ask>;

/** Where it comes from. */
export function useAsker(from: typeof asker): void {
  asker = from;
}

/** Has a client of the application's make a request. What is given up before it could be asked, it is not asked. */
export function through(client: ParticipantClient, http: HttpOutput, signal: AbortSignal): Promise<Reply> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  const asked = asker().then((ask) => (signal.aborted ? stopped : ask(client, http, signal)));
  return Promise.race([asked, stopped]);
}

/** Makes a request to the service. */
export async function post(http: HttpOutput, signal: AbortSignal): Promise<Reply> {
  const response = await fetch(http.url, {
    method: http.method,
    headers: http.body ? { "Content-Type": "application/json", ...http.headers } : http.headers,
    body: http.body || null,
    signal,
  });
  const { headers } = response;
  return {
    ...storageReply(response),
    errorType: headers.get("x-amzn-ErrorType"),
    requestId: headers.get("x-amzn-RequestId"),
    body: await response.text(),
  };
}

/** An answer of the storage, whose body the core has no use for. */
export function storageReply({ status, headers }: { status: number; headers: Pick<Headers, "get"> }): Reply {
  return { status, retryAfterMs: retryAfterMs(headers.get("Retry-After")), body: "" };
}

/** The header `Retry-After`: seconds or a date. */
export function retryAfterMs(value: string | null): number | null {
  if (!value) return null;
  const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return ms >= 0 && ms <= Number.MAX_SAFE_INTEGER ? Math.round(ms) : null;
}

/** What a request without an answer fails with. */
export function timeout({ operation, timeoutMs }: HttpOutput): Error {
  const error = new Error(`${operation} got no answer within ${timeoutMs} ms`);
  error.name = "TimeoutError";
  return error;
}

/** The answer of the service in the form of the original (S59). */
export function resultOf(reply: Reply | undefined, done: DoneOutput): Record<string, unknown> {
  return {
    $metadata: {
      httpStatusCode: reply?.status ?? 200,
      requestId: reply?.requestId ?? undefined,
      attempts: done.attempts,
      totalRetryDelay: done.retryDelayMs,
    },
    ...(reply?.body ? (JSON.parse(reply.body) as object) : undefined),
  };
}
