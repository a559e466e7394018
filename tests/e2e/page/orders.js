// The application of a page with several libraries: a customer's chat, and calls with the SDK.

const query = new URLSearchParams(location.search);
const endpoint = query.get("server");
const region = "us-west-2";

connect.ChatSession.setGlobalConfig({ region, endpoint });
if (query.has("panel")) {
  connect.core.initCCP(document.getElementById("panel"), {
    ccpUrl: query.get("panel"),
    region,
    loginPopup: false,
    softphone: { allowFramedSoftphone: false },
  });
}

/** A question to the assistant and its answer; gives the texts and the token of the connection. */
async function ask(question) {
  const response = await fetch(`${endpoint}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ParticipantDetails: { DisplayName: "Jane" } }),
  });
  const chatDetails = (await response.json()).data.startChatResult;
  const session = connect.ChatSession.create({ chatDetails, type: "CUSTOMER", disableCSM: true });
  const texts = [];
  let asked = false;
  const answered = new Promise((resolve) =>
    session.onMessage(({ data }) => {
      if (data.Type !== "MESSAGE") return;
      texts.push(data.Content);
      if (data.Content === question) asked = true;
      else if (asked) resolve();
    }),
  );
  await session.connect();
  await session.sendMessage({ contentType: "text/plain", message: question });
  await answered;
  return { texts, token: session.getChatDetails().connectionDetails.connectionToken };
}

/** The messages of a chat, read with the SDK of the page; nothing if it cannot. */
async function readWithSdk(ConnectionToken) {
  const input = { ConnectionToken, SortOrder: "ASCENDING", MaxResults: 50 };
  let output;
  if (AWS.ConnectParticipantClient) {
    const credentials = { accessKeyId: "none", secretAccessKey: "none" };
    const client = new AWS.ConnectParticipantClient({ region, endpoint, credentials });
    output = await client.send(new AWS.GetTranscriptCommand(input));
  } else if (AWS.ConnectParticipant) {
    const client = new AWS.ConnectParticipant({ region, endpoint });
    output = await client.makeUnauthenticatedRequest("getTranscript", input).promise();
  } else {
    // Too old an SDK; the rest of it has to work.
    return new AWS.S3({ region }).endpoint.hostname.endsWith("amazonaws.com") ? null : undefined;
  }
  return output.Transcript.filter(({ Type }) => Type === "MESSAGE").map(({ Content }) => Content);
}
