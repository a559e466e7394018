// What the typings say beyond the original's.

import {
  ChatSession,
  type Failure,
  type Item,
  type ItemEvent,
  LogLevel,
  LogManager,
  type MessageState,
  type TranscriptEvent,
} from "../../types/index.js";
import { loadCore } from "../../types/slim.js";

const log = (...message: unknown[]): void => void message;

// The answer of a back end, as it is.
const startChatResult = { ContactId: "c", ParticipantId: "p", ParticipantToken: "t", Extra: 1 };
ChatSession.setGlobalConfig({
  endpoint: "http://127.0.0.1:8090",
  webSocketManagerConfig: { isNetworkOnline: async () => true },
  loggerConfig: { level: LogLevel.ADVANCED_LOG, useDefaultLogger: true },
});
const session = ChatSession.create({ chatDetails: startChatResult, type: "CUSTOMER" });
const same: typeof ChatSession = connect.ChatSession;
log(same, LogManager.getLogger({ prefix: "shop" }).info("started"));

/** An item, told apart. */
function describe(item: Item): string | undefined {
  switch (item.Type) {
    case "MESSAGE":
      return item.Content.trim();
    case "ATTACHMENT":
      return item.Attachments.map(({ AttachmentName }) => AttachmentName).join();
    case "MESSAGEMETADATA":
      return item.MessageMetadata.Receipts?.[0]?.RecipientParticipantId;
    default:
      break;
  }
  switch (item.ContentType) {
    case "application/vnd.amazonaws.connect.event.authentication.initiated":
      return item.Content.trim();
    case "application/vnd.amazonaws.connect.event.participant.displayname.updated":
      return item.DisplayName.trim();
    // @ts-expect-error: an event that is not one
    case "text/plain":
      return undefined;
    default:
      return item.ParticipantRole;
  }
}

const stop = session.onMessage((event: ItemEvent) => log(describe(event.data)));
stop();
session.onMessage(({ data }) => log(data.Content))();
session.onTranscriptUpdated((event: TranscriptEvent) => {
  for (const entry of event.data.transcript) log(entry.Id, entry.MessageMetadata);
});
session.disconnectParticipant();
// @ts-expect-error: what only agents have
session.cleanUpOnParticipantDisconnect();
// @ts-expect-error: neither spelling
ChatSession.create({ chatDetails: { contact: "c" }, type: "CUSTOMER" });
ChatSession.create({ chatDetails: startChatResult }).cleanUpOnParticipantDisconnect();

const chatloom = ChatSession.create({ chatDetails: startChatResult, type: "CUSTOMER", options: { chatloom: true } });
chatloom.onMessageState(({ data, chatDetails }) => log(told(data), chatDetails.connectionDetails?.url));
chatloom.onConnectionState(({ data: { state, retryAt } }) => log(state === "waiting" && retryAt));
log(chatloom.getRoster()[0]?.displayName, chatloom.loadOlder(100));
const { signal } = new AbortController();
void chatloom.sendMessage({ message: "Hello", contentType: "text/plain", signal }).then(({ data }) => log(data.Id));
void chatloom.sendMessageReceipt({ type: "read", messageId: "m" });
// @ts-expect-error: sessions that behave as the original have no roster
session.getRoster();

function told(message: MessageState): Failure | string {
  if (message.state === "failed") return message.error;
  // @ts-expect-error: only a message that failed has one
  log(message.error);
  return message.state;
}

void ChatSession.resume({ options: { chatloom: { storage: "session" } } }).then((kept) => kept?.connect());
void loadCore(new URL("https://example.com/chatloom.wasm"));
