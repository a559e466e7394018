// The application of a page as the README of amazon-connect-chatjs 5.0.0 teaches to write it:
// details in lower case, `await`, all callbacks, metadata, details kept over a reload. `note` tells
// the test what the page is told.

const backEnd = new URLSearchParams(location.search).get("server");
const events = "application/vnd.amazonaws.connect.event.";
const kept = "shop-chat-details";
let chatSession;
/** The list that the library keeps. */
let transcript;

connect.ChatSession.setGlobalConfig({
  region: "us-west-2",
  endpoint: backEnd,
  loggerConfig: {
    advancedLogWriter: "warn",
    customizedLogger: {
      debug: (...words) => console.debug(...words),
      info: (...words) => console.info(...words),
      warn: (...words) => console.warn(...words),
      error: (...words) => console.error(...words),
    },
    level: connect.ChatSession.LogLevel.ERROR,
  },
  features: { messageReceipts: { shouldSendMessageReceipts: true, throttleTime: 1000 } },
  customUserAgentSuffix: "Garden-Shop",
});

function show(item) {
  const line = document.createElement("li");
  line.id = item.Id;
  if (item.Type === "MESSAGE") {
    line.textContent = item.Content;
    line.className = item.ParticipantRole === "CUSTOMER" ? "own" : "";
  } else if (item.ContentType === `${events}participant.joined`) {
    line.textContent = `${item.DisplayName || item.ParticipantRole} joined`;
    line.className = "event";
  } else {
    return;
  }
  document.getElementById(item.Id)?.remove();
  document.getElementById("transcript").append(line);
}

const say = (text) => (document.getElementById("state").textContent = text);

/** The details of the chat of this tab; a new one is started if there is none. */
async function details(name) {
  const stored = sessionStorage.getItem(kept);
  if (stored) return JSON.parse(stored);
  const response = await fetch(`${backEnd}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ParticipantDetails: { DisplayName: name },
      SupportedMessagingContentTypes: ["text/plain", "text/markdown"],
    }),
  });
  const chat = (await response.json()).data.startChatResult;
  sessionStorage.setItem(kept, JSON.stringify(chat));
  return chat;
}

/** Opens the chat and shows it; gives what connecting came to. */
async function open(name) {
  const chat = await details(name);
  chatSession = connect.ChatSession.create({
    chatDetails: {
      contactId: chat.ContactId,
      participantId: chat.ParticipantId,
      participantToken: chat.ParticipantToken,
    },
    options: { region: "us-west-2" },
    type: "CUSTOMER",
    disableCSM: true,
  });
  const told = (name) => (event) => note({ told: name, data: event });
  chatSession.onMessage(({ chatDetails, data }) => {
    show(data);
    note({ told: "message", data: { chatDetails, data } });
  });
  chatSession.onConnectionEstablished(async (event) => {
    say("Connected");
    note({ told: "established", data: event });
    const { data } = await chatSession.getTranscript({
      scanDirection: "BACKWARD",
      sortOrder: "ASCENDING",
      maxResults: 15,
    });
    data.Transcript.forEach(show);
  });
  chatSession.onConnectionLost((event) => {
    say("The connection is lost");
    note({ told: "lost", data: event });
  });
  chatSession.onConnectionBroken((event) => {
    say("The connection is broken");
    note({ told: "broken", data: event });
  });
  chatSession.onEnded((event) => {
    say("The chat has ended");
    sessionStorage.removeItem(kept);
    note({ told: "ended", data: event });
  });
  chatSession.onTranscriptUpdated(({ data }) => (transcript = data.transcript));
  chatSession.onTyping(told("typing"));
  chatSession.onReadReceipt(told("read"));
  chatSession.onDeliveredReceipt(told("delivered"));
  chatSession.onDeepHeartbeatSuccess(told("heartbeat"));
  chatSession.onDeepHeartbeatFailure(told("no heartbeat"));
  chatSession.onParticipantIdle(told("idle"));
  chatSession.onParticipantReturned(told("returned"));
  chatSession.onAutoDisconnection(told("disconnected"));
  chatSession.onParticipantInvited(told("invited"));
  chatSession.onChatRehydrated(told("rehydrated"));
  chatSession.onAuthenticationInitiated(told("authentication"));
  chatSession.onAuthenticationSuccessful(told("authenticated"));
  chatSession.onAuthenticationFailed(told("authentication failed"));
  chatSession.onAuthenticationTimeout(told("authentication too late"));
  chatSession.onAuthenticationExpired(told("authentication expired"));
  chatSession.onAuthenticationCanceled(told("authentication given up"));
  chatSession.onParticipantDisplayNameUpdated(told("renamed"));
  return chatSession.connect({ metadata: { attempt: 1 } });
}

document.getElementById("write").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const field = submitted.target.elements.text;
  const message = field.value;
  field.value = "";
  try {
    const response = await chatSession.sendMessage({
      contentType: "text/plain",
      message,
      metadata: { foo: "bar" },
    });
    note({ told: "sent", data: response });
  } catch (error) {
    note({ told: "not sent", data: error });
  }
});

document.getElementById("leave").addEventListener("click", () => {
  chatSession.disconnectParticipant();
});
