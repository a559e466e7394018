/**
 * Clients of the Participant Service that the application brings, to make the requests in place of `fetch`: those
 * of the AWS SDKs, and whatever is like them.
 */
import type { ParticipantClient } from "../../types/index";
import type { HttpOutput } from "./core";
import type { Reply } from "./http";

/** The members of a request and of an answer, by their names on the wire. */
type Members = Record<string, unknown>;

/** What a method of the SDK v2 gives. */
interface Request {
  promise(): Promise<Members>;
  abort?(): void;
}

/** What the SDKs throw: v3 with `$metadata` and `$response`, v2 with the rest. */
interface ClientError extends Error {
  $metadata?: { httpStatusCode?: number; requestId?: string };
  $response?: { headers?: Record<string, string> };
  code?: string;
  statusCode?: number;
  requestId?: string;
}

type Command = new (input: Members) => unknown;
type Send = (command: unknown, options: { abortSignal: AbortSignal }) => Promise<Members>;
type Method = (input: Members) => Promise<Members> | Request;

/**
 * Has a client make a request. It is one of:
 *
 * - methods named as the operations are, such as `sendMessage(members)`, that give a promise: `ConnectParticipant`
 *   of the SDK v3. Or something with a method `promise()`: `AWS.ConnectParticipant` of the SDK v2;
 * - `send(command)` and, beside it, the classes of the commands, such as `SendMessageCommand`: for a
 *   `ConnectParticipantClient` of the SDK v3, `{ send: (command, options) => client.send(command, options),
 *   SendMessageCommand, ... }`.
 */
export async function ask(client: ParticipantClient, http: HttpOutput, signal: AbortSignal): Promise<Reply> {
  let members: Members;
  try {
    members = await start(client as Members, http, signal);
  } catch (error) {
    return refusal(error as ClientError);
  }
  const { $metadata, ...body } = members as Members & { $metadata?: ClientError["$metadata"] };
  return {
    status: $metadata?.httpStatusCode ?? 200,
    requestId: $metadata?.requestId,
    body: JSON.stringify(body),
  };
}

function start(client: Members, http: HttpOutput, signal: AbortSignal): Promise<Members> {
  const { operation } = http;
  const input = inputOf(http);
  const Command = client[`${operation}Command`] as Command | undefined;
  if (typeof client["send"] === "function" && Command) {
    return (client["send"] as Send)(new Command(input), { abortSignal: signal });
  }
  const method = client[operation.charAt(0).toLowerCase() + operation.slice(1)] as Method | undefined;
  if (typeof method !== "function") throw new TypeError(`options.participantClient has no way to ${operation}`);
  const given = method.call(client, input);
  if (!("promise" in given)) return given;
  signal.addEventListener("abort", () => given.abort?.(), { once: true });
  return given.promise();
}

/** What the SDKs want to know: the body, and what else is in a URL or a header. */
function inputOf({ operation, url, headers, body }: HttpOutput): Members {
  const token = headers["x-amz-bearer"];
  if (operation === "CreateParticipantConnection") return { ...(JSON.parse(body) as Members), ParticipantToken: token };
  if (body) return { ...(JSON.parse(body) as Members), ConnectionToken: token };
  // The one operation without a body has its argument in the path (S70).
  return { ViewToken: decodeURIComponent(url.slice(url.lastIndexOf("/") + 1)), ConnectionToken: token };
}

/** What the core is told of an error of the service; another one is thrown on. */
function refusal(error: ClientError): Reply {
  const status = error.$metadata?.httpStatusCode ?? error.statusCode;
  if (!status) throw error;
  const retryAfter = Number(error.$response?.headers?.["retry-after"]);
  return {
    status,
    errorType: error.code ?? error.name,
    requestId: error.$metadata?.requestId ?? error.requestId,
    retryAfterMs: retryAfter > 0 ? Math.ceil(1000 * retryAfter) : undefined,
    body: JSON.stringify({ message: error.message }),
  };
}
