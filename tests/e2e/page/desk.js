// The application of an agent's page as the README of amazon-connect-chatjs teaches to write it:
// Amazon Connect Streams frames the contact panel and makes the session of each chat. `note` tells
// the test what the page is told.

const query = new URLSearchParams(location.search);
const region = "us-west-2";
/** The chats by contact id: the contact and its session. */
const chats = new Map();
let shown;

connect.ChatSession.setGlobalConfig({ region, endpoint: query.get("server") });
connect.core.initCCP(document.getElementById("panel"), {
  ccpUrl: query.get("panel"),
  region,
  loginPopup: false,
  softphone: { allowFramedSoftphone: false },
});

connect.contact((contact) => {
  if (contact.getType() !== connect.ContactType.CHAT) return;
  note({ told: "contact" });
  contact.onAccepted(() => {
    note({ told: "accepted" });
    open(contact);
  });
  contact.onEnded(() => note({ told: "contact ended" }));
  // After a reload the agent is in the chat already.
  if (contact.getStatus().type === connect.ContactStateType.CONNECTED) open(contact);
  else contact.accept();
});

/** The session of a contact: Streams' own, or one that the page creates if it is told to. */
async function sessionOf(contact) {
  const connection = contact
    .getConnections()
    .find((connection) => connection.getType() === connect.ConnectionType.AGENT);
  if (!query.has("alternative")) return connection.getMediaController();
  const session = connect.ChatSession.create({
    chatDetails: connection.getMediaInfo(),
    options: { region },
    type: connect.ChatSession.SessionTypes.AGENT,
    websocketManager: connect.core.getWebSocketManager(),
  });
  await session.connect();
  return session;
}

async function open(contact) {
  const contactId = contact.getContactId();
  if (chats.has(contactId)) return;
  chats.set(contactId, { contact });
  try {
    const session = await sessionOf(contact);
    chats.get(contactId).session = session;
    const told = (name) => (event) => note({ told: name, contactId, data: event });
    session.onMessage((event) => {
      if (shown === contactId) show(event.data, session);
      note({ told: "message", contactId, data: event });
    });
    session.onTyping(told("typing"));
    session.onReadReceipt(told("read"));
    session.onDeliveredReceipt(told("delivered"));
    session.onConnectionEstablished(told("established"));
    session.onConnectionLost(told("lost"));
    session.onConnectionBroken(told("broken"));
    session.onEnded(told("ended"));
    const { data } = await session.getTranscript({
      scanDirection: "BACKWARD",
      sortOrder: "ASCENDING",
      maxResults: 100,
    });
    shown = contactId;
    document.getElementById("state").textContent = "In a chat";
    document.getElementById("transcript").replaceChildren();
    data.Transcript.forEach((item) => show(item, session));
    note({ told: "open", contactId, data: data.Transcript.map(({ Content }) => Content) });
  } catch (error) {
    note({ told: "not open", contactId, data: String(error?.message ?? error) });
  }
}

function show(item, session) {
  if (!item.ContentType.startsWith("text/") || document.getElementById(item.Id)) return;
  const line = document.createElement("li");
  line.id = item.Id;
  line.textContent = item.Content;
  line.className = item.ParticipantId === session.getChatDetails().participantId ? "own" : "";
  document.getElementById("transcript").append(line);
}

document.getElementById("write").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const field = submitted.target.elements.text;
  const message = field.value;
  field.value = "";
  const { session } = chats.get(shown);
  note({ told: "sent", data: await session.sendMessage({ contentType: "text/plain", message }) });
});

document.getElementById("leave").addEventListener("click", () => {
  chats.get(shown).contact.getAgentConnection().destroy();
});
