// The AWS SDK for JavaScript, v3 and v2, with the socket by hand as its users have it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

import * as connectV3 from "@aws-sdk/client-connect";
import * as participantV3 from "@aws-sdk/client-connectparticipant";
import WebSocket from "ws";

import { Log, PATIENCE_MS } from "./lib/log.mjs";
import { DEMO, event, scenario } from "./lib/stage.mjs";

// Whoever runs the tests need not hear that the SDK v2 is no longer made.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = "1";
const require = createRequire(import.meta.url);
const ConnectV2 = require("aws-sdk/clients/connect");
const ConnectParticipantV2 = require("aws-sdk/clients/connectparticipant");

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

/** What makes the clients of an SDK: for back ends, and for participants, who have no keys. */
const settings = (server, credentials) => ({
  region: DEMO.region,
  endpoint: server.url,
  credentials,
});
const BACK_END = { accessKeyId: DEMO.accessKey, secretAccessKey: DEMO.secret };
const NOBODY = { accessKeyId: "", secretAccessKey: "" };
/** The SDK v2 takes empty keys for forgotten ones. */
const ANYBODY = { accessKeyId: "any", secretAccessKey: "any" };

/** The SDKs: how each does an operation, and where an error has its name. */
const SDKS = {
  v3: {
    clients(server) {
      const connect = new connectV3.ConnectClient(settings(server, BACK_END));
      const participant = new participantV3.ConnectParticipantClient(settings(server, NOBODY));
      return {
        connect: (operation, input) => connect.send(new connectV3[`${operation}Command`](input)),
        participant: (operation, input) =>
          participant.send(new participantV3[`${operation}Command`](input)),
      };
    },
    nameOf: (error) => error.name,
  },
  v2: {
    clients(server) {
      const connect = new ConnectV2(settings(server, BACK_END));
      const participant = new ConnectParticipantV2(settings(server, ANYBODY));
      const call = (client) => (operation, input) =>
        client[operation[0].toLowerCase() + operation.slice(1)](input).promise();
      return { connect: call(connect), participant: call(participant) };
    },
    nameOf: (error) => error.code,
  },
};

for (const [version, sdk] of Object.entries(SDKS)) {
  scenario(`the AWS SDK for JavaScript ${version} does a whole chat`, async (stage) => {
    const server = await stage.server();
    const agent = stage.agent(server, "ben");
    const { connect, participant } = sdk.clients(server);
    const refused = (call, name) =>
      assert.rejects(call, (error) => {
        assert.deepEqual([sdk.nameOf(error), error.message.length > 0], [name, true]);
        return true;
      });

    const chat = await connect("StartChatContact", {
      InstanceId: DEMO.instance,
      ContactFlowId: DEMO.flow,
      ParticipantDetails: { DisplayName: "Jane" },
      SupportedMessagingContentTypes: ["text/plain", "text/markdown"],
      Attributes: { plan: "gold" },
      ClientToken: randomUUID(),
    });
    const connection = await participant("CreateParticipantConnection", {
      Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"],
      ParticipantToken: chat.ParticipantToken,
    });
    const { ConnectionToken } = connection.ConnectionCredentials;
    const send = (Content, more = {}) =>
      participant("SendMessage", { ContentType: "text/plain", Content, ConnectionToken, ...more });

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

    await participant("SendEvent", { ContentType: event("typing"), ConnectionToken });
    await agent.sees(event("typing"), "CUSTOMER");
    agent.do({ typing: true });
    await item(
      "typing",
      (item) => item.ContentType === event("typing") && item.ParticipantRole === "AGENT",
    );
    agent.do({ send: "Hello Jane" });
    const answer = await item("answer", (item) => item.Content === "Hello Jane");
    await participant("SendEvent", {
      ContentType: event("message.read"),
      Content: JSON.stringify({ messageId: answer.Id }),
      ConnectionToken,
    });
    const receipt = await item("receipt", (item) => item.Type === "MESSAGEMETADATA");
    assert.equal(receipt.MessageMetadata.MessageId, answer.Id);
    assert.ok(receipt.MessageMetadata.Receipts[0].ReadTimestamp);

    const page = await participant("GetTranscript", {
      ConnectionToken,
      MaxResults: 100,
      SortOrder: "ASCENDING",
    });
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

    const contact = { InstanceId: DEMO.instance, ContactId: chat.ContactId };
    const described = (await connect("DescribeContact", contact)).Contact;
    assert.equal(described.AgentInfo.Id, "ben");
    assert.ok(described.InitiationTimestamp instanceof Date);
    const { Attributes } = await connect("GetContactAttributes", {
      InstanceId: DEMO.instance,
      InitialContactId: chat.ContactId,
    });
    assert.deepEqual(Attributes, { plan: "gold" });

    await refused(send("<p>", { ContentType: "text/html" }), "ValidationException");
    await refused(
      participant("GetTranscript", { ConnectionToken: chat.ParticipantToken }),
      "AccessDeniedException",
    );

    await participant("DisconnectParticipant", { ConnectionToken });
    await item("own leave", (item) => item.ContentType === event("participant.left"));
    await item("the end", (item) => item.ContentType === event("chat.ended"));
    await agent.sees(event("chat.ended"));
    await refused(send("too late"), "AccessDeniedException");
    await refused(connect("StopContact", contact), "ContactNotFoundException");
    socket.close();
  });
}

scenario("a socket survives what is not a frame, but not for ever", async (stage) => {
  const server = await stage.server();
  const { participant } = SDKS.v3.clients(server);
  const chat = await startChat(server, "Jane");
  const connect = () =>
    participant("CreateParticipantConnection", {
      Type: ["WEBSOCKET", "CONNECTION_CREDENTIALS"],
      ParticipantToken: chat.ParticipantToken,
    });
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
