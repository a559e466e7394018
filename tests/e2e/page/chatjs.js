// In the page: opens sessions of amazon-connect-chatjs and tells (`note`) what they say. Written
// as an application would be, against the documented API alone, and what of it is in every version
// since 1.0.8.

const events = "application/vnd.amazonaws.connect.event.";
const sessions = [];

/** Starts a chat the way the official sample back end is asked to. */
async function startChat(endpoint, name) {
  const response = await fetch(`${endpoint}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ParticipantDetails: { DisplayName: name } }),
  });
  if (!response.ok) throw new Error(`start-chat: ${response.status}`);
  return (await response.json()).data.startChatResult;
}

/** Opens a session of a customer, or of an agent without Streams; gives its number. */
async function openSession(endpoint, chatDetails, type = "CUSTOMER") {
  connect.ChatSession.setGlobalConfig({
    region: "us-west-2",
    endpoint,
    loggerConfig: { useDefaultLogger: true, level: connect.ChatSession.LogLevel.WARN },
  });
  // Which an agent's page has from Streams. Without it a session takes the participant token.
  const getConnectionToken = () => Promise.reject(new Error("there is no Streams"));
  const session = connect.ChatSession.create({
    chatDetails: type === "AGENT" ? { ...chatDetails, getConnectionToken } : chatDetails,
    type,
    disableCSM: true,
  });
  const number = sessions.push(session) - 1;
  const tell = (kind) => (event) => note({ session: number, kind, item: event?.data });
  session.onMessage(tell("message"));
  session.onTyping(tell("typing"));
  session.onConnectionEstablished(tell("established"));
  session.onConnectionLost?.(tell("lost"));
  session.onConnectionBroken(tell("broken"));
  session.onEnded(tell("ended"));
  await session.connect();
  return number;
}

/** Sends texts one after the other until one fails, and tells which were acknowledged. */
async function sendTexts(number, texts) {
  for (const text of texts) {
    try {
      const { data } = await sessions[number].sendMessage({
        contentType: "text/plain",
        message: text,
      });
      await note({ session: number, kind: "acknowledged", text, id: data.Id });
    } catch (error) {
      await note({ session: number, kind: "failed", text, error: String(error?.type ?? error) });
      return;
    }
  }
}

function sendTyping(number) {
  return sessions[number].sendEvent({ contentType: `${events}typing` });
}

/** The whole transcript, oldest first. */
async function readTranscript(number) {
  const items = [];
  let nextToken;
  do {
    const { data } = await sessions[number].getTranscript({
      maxResults: 20,
      scanDirection: "BACKWARD",
      sortOrder: "ASCENDING",
      nextToken,
    });
    items.unshift(...data.Transcript);
    nextToken = data.NextToken;
  } while (nextToken);
  return items;
}

function disconnect(number) {
  return sessions[number].disconnectParticipant();
}

/** Sends a file as a page does that got it from its visitor. */
async function sendFile(number, name, type, base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  await sessions[number].sendAttachment({ attachment: new File([bytes], name, { type }) });
}

/** Fetches a file by both ways: as a Blob, and by its URL. */
async function fetchFile(number, attachmentId) {
  const blob = await sessions[number].downloadAttachment({ attachmentId });
  const url = await sessions[number].getAttachmentURL({ attachmentId });
  const byUrl = await (await fetch(url)).text();
  return { type: blob.type, text: await blob.text(), byUrl };
}
