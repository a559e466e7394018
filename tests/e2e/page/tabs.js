// The application of a page that uses Chatloom behaviour: its chat goes on when the page is loaded again, and
// in every tab. `note` tells the test what it is told.

const query = new URLSearchParams(location.search);
connect.ChatSession.setGlobalConfig({
  region: "us-west-2",
  endpoint: query.get("server"),
  chatloom: { storage: query.get("storage"), tabs: query.has("tabs") },
  loggerConfig: { useDefaultLogger: true, level: connect.LogLevel.WARN },
});

const messages = document.getElementById("messages");
let session;

/** Goes on with the chat that was kept, or starts one. */
async function begin(name) {
  session = await connect.ChatSession.resume();
  const resumed = session !== undefined;
  session ??= connect.ChatSession.create({ chatDetails: await startChat(name), type: "CUSTOMER" });
  session.onMessage(({ data }) => {
    note({ told: "item", item: data });
    if (data.Content) show(data.Id, `${data.DisplayName}: ${data.Content}`);
  });
  session.onMessageState(({ data }) => note({ told: "message", ...data, metadata: undefined }));
  session.onConnectionState(({ data }) => {
    note({ told: "state", ...data });
    document.getElementById("state").textContent = data.state;
  });
  session.onRosterUpdated(({ data }) => {
    const here = data.filter(({ presence }) => presence !== "gone");
    document.getElementById("people").textContent = here
      .map(({ displayName }) => displayName)
      .join(", ");
  });
  for (const [kind, listen] of [
    ["established", "onConnectionEstablished"],
    ["lost", "onConnectionLost"],
    ["broken", "onConnectionBroken"],
    ["gap", "onGap"],
    ["caughtUp", "onCaughtUp"],
    ["ended", "onEnded"],
  ]) {
    session[listen](({ data }) => note({ told: kind, data }));
  }
  await session.connect();
  return resumed;
}

/** Starts a chat the way the official sample back end is asked to. */
async function startChat(name) {
  const response = await fetch(`${query.get("server")}/start-chat`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ParticipantDetails: { DisplayName: name } }),
  });
  if (!response.ok) throw new Error(`start-chat: ${response.status}`);
  return (await response.json()).data.startChatResult;
}

/** Text from others is text, never markup. */
function show(id, text) {
  const line = document.getElementById(id) ?? messages.appendChild(document.createElement("li"));
  line.id = id;
  line.textContent = text;
}

document.getElementById("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  send(text.value);
  text.value = "";
});

function send(message) {
  session
    .sendMessage({ message, contentType: "text/plain" })
    .catch((error) => note({ told: "not sent", message, error: String(error?.type ?? error) }));
}

document.querySelector("input[type=file]").addEventListener("change", ({ target }) => {
  upload(target.files[0]).then(
    () => note({ told: "uploaded" }),
    (error) => note({ told: "not uploaded", error: String(error?.type ?? error) }),
  );
});

let calledOff;
function upload(attachment) {
  calledOff = new AbortController();
  return session.sendAttachment({
    attachment,
    signal: calledOff.signal,
    onProgress: (progress) => {
      note({ told: "progress", ...progress });
      document.getElementById("upload").value = progress.sent / progress.total;
    },
  });
}
