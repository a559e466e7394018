// The application of a page as the README of amazon-connect-chatjs 1.0.x taught to write it: the
// global `connect`, a logger of its own, details with capitals, promises with `then`, the five
// callbacks of that time. `note` tells the test what the page is told.

const backEnd = new URLSearchParams(location.search).get("server");
const lines = [];
let chatSession;

const keep = (level) => (data) => void lines.push([level, data]);
const logger = {
  debug: keep("debug"),
  info: keep("info"),
  warn: keep("warn"),
  error: keep("error"),
};

connect.ChatSession.setGlobalConfig({
  loggerConfig: { logger: logger, level: connect.ChatSession.LogLevel.INFO },
  region: "us-west-2",
  endpoint: backEnd,
});

function show(text, className) {
  const line = document.createElement("li");
  line.textContent = text;
  line.className = className || "";
  document.getElementById("transcript").append(line);
}

function say(text) {
  document.getElementById("state").textContent = text;
}

/** Starts a chat through the back end; gives the details that the service answered. */
function startChat(name) {
  return fetch(backEnd + "/start-chat", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ParticipantDetails: { DisplayName: name } }),
  })
    .then((response) => response.json())
    .then((answer) => answer.data.startChatResult);
}

/** Opens the chat and shows it; gives what connecting came to. */
function open(details) {
  chatSession = connect.ChatSession.create({
    chatDetails: {
      ContactId: details.ContactId,
      ParticipantId: details.ParticipantId,
      ParticipantToken: details.ParticipantToken,
    },
    type: connect.ChatSession.SessionTypes.CUSTOMER,
    options: { region: "us-west-2" },
    disableCSM: true,
  });
  chatSession.onConnectionBroken((data) => {
    say("The connection is broken");
    note({ told: "broken", data });
  });
  chatSession.onTyping((data) => note({ told: "typing", data }));
  chatSession.onMessage((data) => {
    const item = data.data;
    if (item.Type === "MESSAGE") {
      show(item.Content, item.ParticipantRole === "CUSTOMER" ? "own" : "");
    }
    note({ told: "message", data });
  });
  chatSession.onConnectionEstablished((data) => {
    say("Connected");
    note({ told: "established", data });
  });
  chatSession.onEnded((data) => {
    say("The chat has ended");
    note({ told: "ended", data });
  });
  return chatSession.connect({ metadata: "first" });
}

document.getElementById("write").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const field = submitted.target.elements.text;
  chatSession
    .sendMessage({ message: field.value, contentType: "text/plain" })
    .then((response) => note({ told: "sent", data: response }))
    .catch((error) => note({ told: "not sent", data: error }));
  field.value = "";
});

document.getElementById("leave").addEventListener("click", () => {
  chatSession.disconnectParticipant();
});
