// The AWS SDK for JavaScript, with the socket by hand as its users have it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import {
  AccessDeniedException,
  ConnectParticipantClient,
  CreateParticipantConnectionCommand,
  DisconnectParticipantCommand,
  GetTranscriptCommand,
  SendEventCommand,
  SendMessageCommand,
  ValidationException,
} from "@aws-sdk/client-connectparticipant";
import WebSocket from "ws";

import { Log, PATIENCE_MS } from "./lib/log.mjs";
import { DEMO, event, scenario } from "./lib/stage.mjs";

/** Opens the socket of a connection and tells every frame. */
function openSocket(url) {
  const frames = new Log("socket");
  const socket = new WebSocket(url, { handshakeTimeout: PATIENCE_MS });
  socket.on("message", (data, isBinary) => {
    assert.ok(!isBinary, "frames are text");
    const frame = JSON.parse(data);
    if (frame.topic === "aws/chat") frame.item = JSON.parse(frame.content);
    frames.push(frame);
  });
  socket.on("error", (error) => frames.close(String(error)));
  socket.on("close", (code) => {
    frames.push({ closed: code });
    frames.close(`closed with ${code}`);
  });
  const open = new Promise((resolve) => socket.once("open", resolve));
  return { frames, socket, open, say: (frame) => socket.send(JSON.stringify(frame)) };
}

async function startChat(server, name) {
  const response = await fetch(`${server.url}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(PATIENCE_MS),
    body: JSON.stringify({
      InstanceId: DEMO.instance,
      ContactFlowId: DEMO.flow,
      ParticipantDetails: { DisplayName: name },
      SupportedMessagingContentTypes: ["text/plain", "text/markdown"],
      // A page may write what it likes here: it is not believed.
      Attributes: { role: "admin" },
    }),
  });
  assert.equal(response.status, 200);
  const { data } = await response.json();
  assert.deepEqual(data.featurePermissions, { MESSAGING_MARKDOWN: true });
  return data.startChatResult;
}

scenario("the AWS SDK for JavaScript does a whole chat", async (stage) => {
  const server = await stage.server();
  const agent = stage.agent(server, "ben");
  const client = new ConnectParticipantClient({
    region: DEMO.region,
    endpoint: server.url,
    credentials: { accessKeyId: "", secretAccessKey: "" },
  });

  const chat = await startChat(server, "Jane");
  const connection = await client.send(
    new CreateParticipantConnectionCommand({
      Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"],
      ParticipantToken: chat.ParticipantToken,
    }),
  );
  const { ConnectionToken } = connection.ConnectionCredentials;
  const send = (Content, more = {}) =>
    client.send(
      new SendMessageCommand({ ContentType: "text/plain", Content, ConnectionToken, ...more }),
    );

  const { frames, socket, open, say } = openSocket(connection.Websocket.Url);
  await open;
  say({ topic: "aws/subscribe", content: { topics: ["aws/chat"] } });
  say({ topic: "aws/ping" });
  say({ topic: "aws/heartbeat" });
  const subscribed = await frames.find("answer", (frame) => frame.topic === "aws/subscribe");
  assert.deepEqual(subscribed.content, { status: "success", topics: ["aws/chat"] });
  const pong = await frames.find("ping", (frame) => frame.topic === "aws/ping");
  assert.deepEqual([pong.statusCode, pong.statusContent], [200, "OK"]);
  await frames.find("heartbeat", (frame) => frame.topic === "aws/heartbeat");

  const item = (what, matches) =>
    frames.find(what, (frame) => frame.item && matches(frame.item)).then((frame) => frame.item);
  await item("own joined", (item) => item.ContentType === event("participant.joined"));
  await item("greeting", (item) => item.ParticipantRole === "SYSTEM");

  await send("an agent, please");
  const joined = await item("the agent", (item) => item.ParticipantRole === "AGENT");
  assert.equal(joined.ContentType, event("participant.joined"));
  assert.equal(joined.InitialContactId, chat.ContactId);

  // A sender sees its own message too, as everybody does, under the Id it was told.
  const ClientToken = randomUUID();
  const sent = await send('Hello \u{1F600}\n"Ben"', { ClientToken });
  const repeat = await send('Hello \u{1F600}\n"Ben"', { ClientToken });
  assert.deepEqual([repeat.Id, repeat.AbsoluteTime], [sent.Id, sent.AbsoluteTime]);
  const echo = await item("echo", (item) => item.Id === sent.Id);
  assert.equal(echo.Content, 'Hello \u{1F600}\n"Ben"');
  assert.equal(echo.AbsoluteTime, sent.AbsoluteTime);
  await agent.hears('Hello \u{1F600}\n"Ben"');

  await client.send(new SendEventCommand({ ContentType: event("typing"), ConnectionToken }));
  await agent.sees(event("typing"), "CUSTOMER");
  agent.do({ typing: true });
  await item(
    "typing",
    (item) => item.ContentType === event("typing") && item.ParticipantRole === "AGENT",
  );
  agent.do({ send: "Hello Jane" });
  const answer = await item("answer", (item) => item.Content === "Hello Jane");
  await client.send(
    new SendEventCommand({
      ContentType: event("message.read"),
      Content: JSON.stringify({ messageId: answer.Id }),
      ConnectionToken,
    }),
  );
  const receipt = await item("receipt", (item) => item.Type === "MESSAGEMETADATA");
  assert.equal(receipt.MessageMetadata.MessageId, answer.Id);
  assert.ok(receipt.MessageMetadata.Receipts[0].ReadTimestamp);

  const page = await client.send(
    new GetTranscriptCommand({ ConnectionToken, MaxResults: 100, SortOrder: "ASCENDING" }),
  );
  const stored = frames.entries
    .map((frame) => frame.item)
    .filter(
      (item) => item && item.Type !== "MESSAGEMETADATA" && item.ContentType !== event("typing"),
    )
    .map((item) => item.Id);
  assert.deepEqual(
    page.Transcript.map((item) => item.Id),
    stored,
    "the transcript is what came over the socket, once each and in that order",
  );

  await assert.rejects(send("<p>", { ContentType: "text/html" }), ValidationException);
  await assert.rejects(
    client.send(new GetTranscriptCommand({ ConnectionToken: chat.ParticipantToken })),
    AccessDeniedException,
  );

  await client.send(new DisconnectParticipantCommand({ ConnectionToken }));
  await item("own leave", (item) => item.ContentType === event("participant.left"));
  await item("the end", (item) => item.ContentType === event("chat.ended"));
  await agent.sees(event("chat.ended"));
  await assert.rejects(send("too late"), AccessDeniedException);
  socket.close();
});

scenario("a socket survives what is not a frame, but not for ever", async (stage) => {
  const server = await stage.server();
  const client = new ConnectParticipantClient({
    region: DEMO.region,
    endpoint: server.url,
    credentials: { accessKeyId: "", secretAccessKey: "" },
  });
  const chat = await startChat(server, "Jane");
  const connect = () =>
    client.send(
      new CreateParticipantConnectionCommand({
        Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"],
        ParticipantToken: chat.ParticipantToken,
      }),
    );
  const connection = await connect();
  const { frames, socket, open } = openSocket(connection.Websocket.Url);
  await open;
  // As iOS writes it.
  socket.send('{"topic": "aws/subscribe", "content": {"topics": ["aws/chat"]}})');
  await frames.find("answer", (frame) => frame.topic === "aws/subscribe");
  for (const text of ["", "not JSON", "[]", '{"topic":7}', '{"topic":"aws/unknown"}', "{"]) {
    socket.send(text);
  }
  socket.send('{"topic":"aws/ping"}');
  await frames.find("ping after that", (frame) => frame.topic === "aws/ping");
  for (let sent = 0; sent < 20; sent += 1) socket.send("not JSON");
  const { closed } = await frames.find("close", (frame) => frame.closed);
  assert.equal(closed, 1008);

  // The URL of a connection is a key: a changed one opens nothing.
  const url = new URL((await connect()).Websocket.Url);
  const token = url.searchParams.get("token");
  url.searchParams.set("token", token.slice(0, -1) + (token.endsWith("A") ? "B" : "A"));
  const refused = openSocket(url);
  await assert.rejects(
    refused.frames.find("frame", () => true),
    /403|401/,
  );
});
