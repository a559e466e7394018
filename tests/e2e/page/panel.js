// A small contact control panel: what Amazon Connect Streams frames and talks to
// (docs/protocol/streams.md). It stands between the page that frames it and a Chatloom server: it
// takes customers off the queue, holds the agent's sockets, and hands out connection tokens. The
// test calls `offer`, `cut` and `restore`; all else is asked for by Streams.

const server = `http://127.0.0.1:${new URLSearchParams(location.search).get("port")}`;
const DAY_MS = 86_400_000;

let login;
/** Chats by contact id: the contact as Streams sees it, the token of the participant, its socket. */
const chats = new Map();
/** What the page around was answered and asked, for the test. */
const calls = [];

const tell = (event, data) => window.parent.postMessage({ event, data }, "*");

async function post(path, body, bearer, headers = {}) {
  const response = await fetch(server + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers, ...bearer },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** Opens the connection of an agent's participant: its token, and a socket if one is wanted. */
function connection(participantToken, types) {
  return post("/participant/connection", { Type: types }, { "x-amz-bearer": participantToken });
}

/** Relays the frames of a chat to the page around. */
async function openSocket(chat) {
  const { Websocket } = await connection(chat.token, ["WEBSOCKET"]);
  const socket = new WebSocket(Websocket.Url);
  chat.socket = socket;
  socket.onopen = () =>
    socket.send(JSON.stringify({ topic: "aws/subscribe", content: { topics: ["aws/chat"] } }));
  await new Promise((subscribed) => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.topic === "aws/subscribe") subscribed();
      else if (frame.topic === "aws/chat") tell("webSocket::all_message", frame);
    };
  });
}

/** Cuts the sockets of all chats, which are one to the page around. */
function cut() {
  for (const { socket } of chats.values()) socket.close();
  tell("webSocket::connection_lost", { code: 1006, reason: "" });
}

/** Opens them again. */
async function restore() {
  for (const chat of chats.values()) await openSocket(chat);
  tell("webSocket::connection_gain", {});
}

/** Takes whoever waits longest and offers the contact to the agent; gives its id. */
async function offer() {
  login ??= await post("/v1/agent/login", { user: "ana" });
  const taken = await post("/v1/agent/accept", {}, { authorization: `Bearer ${login.token}` });
  const now = new Date();
  const state = (type) => ({ type, timestamp: now });
  const contact = {
    contactId: taken.contactId,
    initialContactId: taken.initialContactId,
    type: "chat",
    state: state("connecting"),
    attributes: {},
    queue: { name: "default", queueARN: "arn:aws:connect:us-west-2:1:instance/i/queue/q" },
    queueTimestamp: now,
    contactDuration: "0",
    initiationMethod: "api",
    contactFeatures: { attachmentsEnabled: false, messagingMarkdownEnabled: true },
    connections: [
      {
        connectionId: taken.participantId,
        type: "agent",
        initial: false,
        state: state("connecting"),
        endpoint: { type: "agent", name: "Ana" },
        chatMediaInfo: {
          chatAutoAccept: false,
          customerName: null,
          connectionData: JSON.stringify({
            ConnectionAuthenticationToken: taken.participantToken,
          }),
        },
      },
      {
        connectionId: `customer of ${taken.contactId}`,
        type: "inbound",
        initial: true,
        state: state("connected"),
        endpoint: null,
        chatMediaInfo: {
          chatAutoAccept: null,
          connectionData: null,
          customerName: taken.customerName,
        },
      },
    ],
  };
  const chat = { contact, token: taken.participantToken };
  await openSocket(chat);
  chats.set(contact.contactId, chat);
  if (chats.size === 1) tell("webSocket::connection_gain", {});
  update();
  return contact.contactId;
}

/** What the panel knows survives a reload of the page around. */
function keep() {
  const kept = [...chats.values()].map(({ contact, token }) => ({ contact, token }));
  sessionStorage.setItem("chats", JSON.stringify(kept));
}

/** Streams calculates with times: they have to be dates again. */
const revive = (key, value) => (/^(timestamp|queueTimestamp)$/.test(key) ? new Date(value) : value);

async function remember() {
  for (const chat of JSON.parse(sessionStorage.getItem("chats") ?? "[]", revive)) {
    await openSocket(chat);
    chats.set(chat.contact.contactId, chat);
  }
  if (chats.size > 0) tell("webSocket::connection_gain", {});
  update();
}

/** Tells the page around everything there is. */
function update() {
  keep();
  const now = new Date();
  const arn =
    "arn:aws:connect:us-west-2:123456789012:instance/11111111-1111-4111-8111-111111111111";
  const contacts = [...chats.values()].map(({ contact }) => contact);
  tell("agent::update", {
    snapshot: {
      state: { name: "Available", type: "routable", startTimestamp: now },
      status: { name: "Available", type: "routable", startTimestamp: now },
      nextState: null,
      agentAvailabilityState: { state: "Available", timeStamp: now },
      snapshotTimestamp: now,
      localTimestamp: now.getTime(),
      skew: 0,
      contacts,
    },
    configuration: {
      name: "Ana",
      username: "ana",
      agentARN: `${arn}/agent/ana`,
      softphoneEnabled: false,
      softphoneAutoAccept: false,
      extension: "",
      agentPreferences: {},
      permissions: [],
      dialableCountries: [],
      agentStates: [{ type: "routable", name: "Available", agentStateARN: `${arn}/agent-state/1` }],
      routingProfile: {
        name: "chats",
        routingProfileARN: `${arn}/routing-profile/1`,
        routingProfileId: `${arn}/routing-profile/1`,
        channelConcurrencyMap: { CHAT: 2, VOICE: 0, TASK: 0 },
        defaultOutboundQueue: { queueARN: `${arn}/queue/1`, queueId: "1", name: "default" },
        queues: [{ queueARN: `${arn}/queue/agent/ana`, queueId: "ana", name: null }],
      },
    },
  });
}

function enter(contactId, contactState, connectionState) {
  const { contact } = chats.get(contactId);
  const timestamp = new Date();
  contact.state = { type: contactState, timestamp };
  for (const connection of contact.connections) {
    if (connection.type === "agent" || connectionState === "disconnected") {
      connection.state = { type: connectionState, timestamp };
    }
  }
}

/** What Streams asks the service for. */
const operations = {
  async createTransport({ transportType, contactId }) {
    if (transportType !== "chat_token") throw new Error(`no transport ${transportType}`);
    const { ConnectionCredentials } = await connection(chats.get(contactId).token, [
      "CONNECTION_CREDENTIALS",
    ]);
    return {
      chatTokenTransport: {
        participantToken: ConnectionCredentials.ConnectionToken,
        expiry: ConnectionCredentials.Expiry ?? new Date(Date.now() + DAY_MS).toISOString(),
      },
    };
  },
  async acceptContact({ contactId }) {
    enter(contactId, "connected", "connected");
    setTimeout(update); // after the answer
    return {};
  },
  async destroyConnection({ contactId }) {
    const { token } = chats.get(contactId);
    const { ConnectionCredentials } = await connection(token, ["CONNECTION_CREDENTIALS"]);
    await post(
      "/participant/disconnect",
      {},
      { "x-amz-bearer": ConnectionCredentials.ConnectionToken },
    );
    enter(contactId, "ended", "disconnected");
    setTimeout(update);
    return {};
  },
  async clearContact({ contactId }) {
    chats.delete(contactId);
    setTimeout(update);
    return {};
  },
  async qrIntegrationExists() {
    return false;
  },
};

async function answer({ event, requestId, method, params }) {
  calls.push(method);
  try {
    if (!operations[method]) throw new Error(`no operation ${method}`);
    const data = await operations[method](params);
    tell("api_response", { event, requestId, data, err: null });
  } catch (error) {
    const err = JSON.stringify({ type: "Error", message: String(error), stack: [] });
    tell("api_response", { event, requestId, data: null, err });
  }
}

/** Broadcasts that no page needs back. */
const NOISE = new Set(["log", "server_bound_internal_log", "client_metric", "click_stream_data"]);

window.addEventListener("message", ({ source, data: message }) => {
  if (source !== window.parent || !message) return;
  const { event, data } = message;
  if (event === "synchronize") tell("acknowledge");
  else if (event === "api_request") answer(data);
  else if (event === "broadcast" && !NOISE.has(data.event)) tell(data.event, data.data);
  else if (event === "media_device_request") tell("media_device_response", []);
  else if (event === "reload_agent_configuration") update();
  else if (event === "master_request") {
    const { topic } = data.params;
    const result =
      data.method === "becomeMaster"
        ? { masterId: "this page", takeOver: false, topic }
        : { masterId: "this page", isMaster: true, topic };
    tell("master_response", {
      event: data.event,
      requestId: data.requestId,
      data: result,
      err: null,
    });
  }
});

/** The second channel, over which Streams asks where a contact is. */
function openChannel() {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }) => {
    if (data.type === "cross-domain-site-ready") {
      port1.postMessage({
        type: "acknowledge",
        connectionId: "panel",
        status: { initialized: true, startTime: new Date() },
        healthCheckInterval: 0,
      });
    } else if (data.type === "request") {
      const { namespace, requestId, command } = data;
      const known = command === "contact/getInstanceDetails";
      port1.postMessage({
        type: "response",
        namespace,
        requestId,
        isError: !known,
        ...(known
          ? { data: { origin: location.origin, region: "us-west-2" } }
          : { errorKey: "noHandler", reason: "no such command", details: { command } }),
      });
    }
  };
  window.parent.postMessage({ type: "cross-domain-adapter-init" }, "*", [port2]);
}

openChannel();
tell("acknowledge", { id: "panel" });
remember();
