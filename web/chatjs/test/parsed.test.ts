/** What the core is given of what a service says. */
import { expect, test } from "vitest";

import {
  answerOf,
  connectionOf,
  contentOf,
  errorOf,
  frameOf,
  headOf,
  isPart,
  objectOf,
  partOf,
} from "../src/host/parsed";
import { connectionDetails } from "../src/host/session";

test("a frame of the chat has an item, others have none", () => {
  const item = { Id: "i", Type: "MESSAGE", Content: "Hello" };
  const contentIn = (topic: unknown, content: unknown) => contentOf(objectOf(JSON.stringify({ topic, content })));
  expect(objectOf(contentIn("aws/chat", JSON.stringify(item))!)).toEqual(item);
  expect(contentIn("aws/heartbeat", JSON.stringify(item))).toBeUndefined();
  expect(contentIn("aws/chat", item)).toBeUndefined();
  expect(contentOf(undefined)).toBeUndefined();
  for (const none of ["[]", "null", "1", "Hello", "{"]) expect(objectOf(none), none).toBeUndefined();
});

test.each([
  [{ topic: "aws/heartbeat" }, [0, 0]],
  [{ topic: "aws/ping", statusCode: 200 }, [1, 1]],
  [{ topic: "aws/ping", statusCode: 500 }, [1, 0]],
  [{ topic: "aws/ping" }, [1, 0]],
  [{ topic: "aws/subscribe", content: { status: "success", topics: ["aws/chat"] } }, [2, 1, 1]],
  [{ topic: "aws/subscribe", content: { status: "success", topics: ["other"] } }, [2, 1, 0]],
  [{ topic: "aws/subscribe", content: { status: "success", topics: [] } }, [2, 1, 1]],
  [{ topic: "aws/subscribe", content: { status: "failure" } }, [2, 0, 1]],
  [{ topic: "aws/subscribe", content: "success" }, [5]],
  [{ message: "Forbidden", connectionId: "c" }, [3]],
  [{ topic: "aws/chat", content: {} }, [4]],
  [{ topic: "aws/chat", content: "no item" }, [5]],
  [{ topic: "aws/other", message: "m" }, [4]],
  [{ topic: 1, message: 1 }, [5]],
  [{}, [5]],
  [undefined, [5]],
])("the frame %j is told by its number", (frame, values) => {
  expect(frameOf(frame)).toEqual(values);
});

test("a part of a streamed message is given with its text", () => {
  const item = (MessageMetadata: unknown) => ({ Id: "i", Content: "Hel", MessageMetadata });
  expect(isPart(item({ MessageCompleted: false }))).toBe(true);
  expect(isPart(item({ MessageCompleted: true }))).toBe(true);
  expect(isPart(item({ MessageId: "m" }))).toBe(false);
  expect(isPart(item(null))).toBe(false);
  const none = Array.from({ length: 5 }, () => NaN);
  const head = [...none, "i", ...none];
  expect(partOf(item({ MessageCompleted: false, ChunkNumber: 2, MessageId: "m" }))).toEqual([
    ...["Hel", 2, 0],
    ...head,
    ...[0, "m"],
  ]);
  expect(partOf(item({ MessageCompleted: "yes", ChunkNumber: 1.5 })).slice(0, 3)).toEqual(["Hel", NaN, NaN]);
  expect(partOf(item([]))).toEqual(["Hel", NaN, NaN, ...head, NaN]);
});

test("receipts are counted", () => {
  const Receipts = [{ DeliveredTimestamp: "d", RecipientParticipantId: "p" }, null, { ReadTimestamp: "r" }];
  const values = headOf({ MessageMetadata: { MessageId: "m", Receipts } });
  expect(values.slice(11)).toEqual([3, "m", "d", NaN, "p", NaN, NaN, NaN, NaN, "r", NaN]);
});

test.each([
  [403, "AccessDeniedException", "", "AccessDeniedException", "UnknownError"],
  [400, "com.example#ValidationException:http://x/", '{"message":"m"}', "ValidationException", "m"],
  [429, "", '{"code":"a, b","__type":"c","Message":"M"}', "a", "M"],
  [400, null, '{"code":1,"__type":"ns#T","message":2,"Message":"M"}', "T", "M"],
  [503, null, "<html>", "503", "UnknownError"],
  [500, undefined, "[]", "500", "UnknownError"],
  [400, " #,x", "{}", "400", "UnknownError"],
  [400, "a#b#C", '{"message":""}', "C", ""],
])("the error %j %j %j has a name and a text", (status, errorType, body, name, message) => {
  expect(errorOf(status, errorType, body)).toEqual([0, name, message]);
});

test("of answers the core is given what it decides on", () => {
  const of = (operation: string, body: unknown) => answerOf(operation, JSON.stringify(body));
  const connection = {
    Websocket: { Url: "wss://x", ConnectionExpiry: "e" },
    ConnectionCredentials: { ConnectionToken: "t", Expiry: "1970-01-01T00:00:07.000Z" },
  };
  const connected = (body: unknown) => connectionOf(connectionDetails(JSON.stringify(body), false));
  expect(connected(connection)).toEqual([1, 1, "wss://x", "t", 7000]);
  expect(connected({ ...connection, Websocket: {} })).toEqual([1, 1, NaN, "t", 7000]);
  const none = [1, 0, NaN, NaN, NaN];
  for (const body of [{ ...connection, Websocket: null }, { Websocket: {} }, null, "x"]) {
    expect(connected(body)).toEqual(none);
  }
  expect(connectionOf(connectionDetails("{", false))).toEqual(none);
  expect(of("SendMessage", { Id: "i", AbsoluteTime: "t" })).toEqual([3, "i", "t"]);
  expect(answerOf("SendMessage", "")).toEqual([]);
  const headers = { a: "b", c: 1 };
  const upload = { AttachmentId: "a", UploadMetadata: { Url: "u", UrlExpiry: "e", HeadersToInclude: headers } };
  expect(of("StartAttachmentUpload", upload)).toEqual([2, "a", "u", "e", "a", "b"]);
  expect(of("GetAttachment", { Url: "u", UrlExpiry: "e" })).toEqual([2, NaN, "u", "e"]);
  const item = { Id: "i", Content: "c" };
  expect(of("GetTranscript", { NextToken: "n", Transcript: [item, 1] })).toEqual([
    ...[4, "n"],
    ...[JSON.stringify(item), ...partOf(item)],
    NaN,
  ]);
  expect(of("GetTranscript", {})).toEqual([4, NaN]);
  expect(of("GetTranscript", [])).toEqual([]);
});
