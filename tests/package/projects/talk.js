// What each project does with the library: a whole short chat with the assistant of `chatloom serve --demo`.
// The test puts this beside the sources of a project.

/** Gives the texts of the chat, in order, as `onMessage` brought them. */
export async function talk(ChatSession, endpoint, options) {
  const response = await fetch(`${endpoint}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ParticipantDetails: { DisplayName: "Jane" } }),
  });
  const chatDetails = (await response.json()).data.startChatResult;
  ChatSession.setGlobalConfig({ endpoint });
  const session = ChatSession.create({ chatDetails, type: "CUSTOMER", options });
  const texts = [];
  const answered = new Promise((resolve) => {
    session.onMessage(({ data }) => {
      if (data.ContentType !== "text/plain") return;
      texts.push(`${data.ParticipantRole}: ${data.Content}`);
      if (data.Content.includes("Monday")) resolve();
    });
  });
  const ended = new Promise((resolve) => session.onEnded(resolve));
  await session.connect();
  await session.sendMessage({ message: "When are you open?", contentType: "text/plain" });
  await answered;
  await session.disconnectParticipant();
  await ended;
  return texts;
}

/** Where each operation is that such a chat asks for. */
const PATHS = {
  createParticipantConnection: "connection",
  sendMessage: "message",
  getTranscript: "transcript",
  disconnectParticipant: "disconnect",
};

/** A client of the application's own, in the manner of the AWS SDK's. */
export function clientOf(endpoint) {
  const operation = (path) => async ({ ParticipantToken, ConnectionToken, ...members }) => {
    const response = await fetch(`${endpoint}/participant/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-amz-bearer": ParticipantToken ?? ConnectionToken },
      body: JSON.stringify(members),
    });
    if (!response.ok) throw Object.assign(new Error(await response.text()), { statusCode: response.status });
    return response.json();
  };
  return Object.fromEntries(Object.entries(PATHS).map(([name, path]) => [name, operation(path)]));
}

/** In a page: does that and shows what came, for the test to read; with such a client where one is wanted. */
export async function show(ChatSession, options) {
  const output = document.querySelector("output");
  try {
    const endpoint = new URLSearchParams(location.search).get("endpoint");
    const own = options?.participantClient && { participantClient: clientOf(endpoint) };
    output.textContent = JSON.stringify(await talk(ChatSession, endpoint, { ...options, ...own }));
  } catch (error) {
    output.textContent = `failed: ${error.stack ?? JSON.stringify(error)}`;
  }
}
