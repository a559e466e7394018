// Clients of AWS SDKs that an application gives a session: they make its requests.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import * as sdk from "@aws-sdk/client-connectparticipant";
import WebSocket from "ws";

import { ChatSession } from "../../web/chatjs/dist/index.js";
import { DEMO, scenario } from "./lib/stage.mjs";

globalThis.WebSocket ??= WebSocket;
const require = createRequire(import.meta.url);
const SdkV2 = require("aws-sdk-2.597/clients/connectparticipant");

const settings = ({ url }) => ({
  region: DEMO.region,
  endpoint: url,
  credentials: { accessKeyId: "a", secretAccessKey: "b" },
});

/** Ways to make a client. */
const CLIENTS = {
  "ConnectParticipant of the SDK v3": (server) => new sdk.ConnectParticipant(settings(server)),
  "ConnectParticipantClient of the SDK v3 and its commands": (server) => {
    const client = new sdk.ConnectParticipantClient(settings(server));
    return { ...sdk, send: (command, options) => client.send(command, options) };
  },
  "AWS.ConnectParticipant of the SDK v2": (server) => new SdkV2(settings(server)),
};

/** Notes the paths of requests that the package makes itself. */
function watchRequests() {
  const { fetch } = globalThis;
  const paths = [];
  globalThis.fetch = (url, options) => {
    paths.push(new URL(url).pathname);
    return fetch(url, options);
  };
  return () => {
    globalThis.fetch = fetch;
    return paths;
  };
}

async function startChat({ url }) {
  const response = await fetch(`${url}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      InstanceId: DEMO.instance,
      ContactFlowId: DEMO.flow,
      ParticipantDetails: { DisplayName: "Jane" },
    }),
  });
  return (await response.json()).data.startChatResult;
}

for (const [name, make] of Object.entries(CLIENTS)) {
  scenario(`a chat by ${name}`, async (stage) => {
    const server = await stage.server();
    const chatDetails = await startChat(server);
    const done = watchRequests();
    try {
      const options = { participantClient: make(server) };
      const session = ChatSession.create({ chatDetails, type: "CUSTOMER", options });
      const echoed = new Promise((resolve) => {
        session.onMessage(({ data }) => data.Content === "Gr\u00fc\u00dfe" && resolve(data));
      });
      const ended = new Promise((resolve) => session.onEnded(resolve));
      const established = new Promise((resolve) => {
        session.onConnectionEstablished((event) => "data" in event && resolve());
      });
      await session.connect();
      await established;

      const text = { contentType: "text/plain", message: "Gr\u00fc\u00dfe" };
      const sent = await session.sendMessage({ ...text, metadata: "mine" });
      assert.equal(sent.metadata, "mine");
      assert.equal(sent.data.$metadata.httpStatusCode, 200);
      assert.equal((await echoed).Id, sent.data.Id);
      const { data } = await session.getTranscript({ maxResults: 10 });
      assert.ok(data.Transcript.some(({ Id }) => Id === sent.data.Id));

      const refused = session.getTranscript({ nextToken: "none of ours" });
      await assert.rejects(refused, ({ type, statusCode, message }) => {
        const expected = { type: "ValidationException", statusCode: 400 };
        assert.deepEqual({ type, statusCode }, expected);
        assert.ok(message.length > 0);
        return true;
      });
      await session.disconnectParticipant();
      await ended;
    } finally {
      assert.deepEqual(done(), [], "the client made every request");
    }
  });
}
