// A program as it is written against the typings of amazon-connect-chatjs: it compiles with those, and with ours
// (test/types.test.ts).

const log = (...message: unknown[]): void => void message;

connect.ChatSession.setGlobalConfig({
  region: "us-east-1",
  loggerConfig: {
    level: connect.ChatSession.LogLevel.WARN,
    customizedLogger: { debug: log, info: log, warn: log, error: log },
  },
  features: { messageReceipts: { shouldSendMessageReceipts: true, throttleTime: 3000 } },
  customUserAgentSuffix: "Shop/1.0",
  webSocketManagerConfig: { isNetworkOnline: () => true },
});

const chatDetails: connect.ChatDetailsInput = { contactId: "c", participantId: "p", participantToken: "t" };
const customer: connect.CustomerChatSession = connect.ChatSession.create({
  chatDetails,
  options: { region: "us-east-1" },
  type: connect.ChatSession.SessionTypes.CUSTOMER,
  disableCSM: true,
});

declare const websocketManager: connect.WebSocketManager;
const agent: connect.AgentChatSession = connect.ChatSession.create({ chatDetails, type: "AGENT", websocketManager });
agent.cleanUpOnParticipantDisconnect();

/** Takes either session, as a component would. */
function watch(session: connect.AgentChatSession | connect.CustomerChatSession): void {
  session.onMessage(({ chatDetails: { contactId }, data }) => {
    if (data.ContentType === "text/plain" && data.ParticipantRole === "AGENT") log(contactId, data.Content);
    for (const { AttachmentId, AttachmentName, Status } of data.Attachments ?? []) {
      if (Status === "APPROVED") log(AttachmentId, AttachmentName);
    }
    const type: connect.ChatContentType = data.ContentType;
    log(type, data.MessageMetadata?.Receipts?.[0]?.ReadTimestamp);
  });
  session.onMessage((event: connect.ChatMessageEvent) => log(event.data.Id));
  session.onTyping(({ data }) => log(data.DisplayName));
  session.onTyping((event: connect.ChatTypingEvent) => log(event.data.ContentType));
  session.onReadReceipt((event) => log(event.data.MessageMetadata));
  session.onEnded((event) => log(event.chatDetails.participantId));
  session.onConnectionBroken((event) => log(event.chatDetails.connectionDetails?.connectionToken));
  session.onParticipantDisplayNameUpdated(({ data }) => log(data.DisplayName.length));
  session.onAuthenticationInitiated(({ data }) => log(JSON.parse(data.Content)));
  session.onTranscriptUpdated(({ data: { transcript, previousTranscriptNextToken } }) => {
    const items: connect.ChatTranscriptItem[] = transcript;
    log(items.length, previousTranscriptNextToken?.length);
  });
  session.controller.subscribe("INCOMING_MESSAGE", log);
}
watch(customer);
watch(agent);

async function talk(session: connect.CustomerChatSession): Promise<void> {
  const { connectCalled, connectSuccess } = await session.connect();
  const connected = await session.connect({ metadata: { attempt: 1 } });
  log(connectCalled, connectSuccess, connected.metadata.attempt);
  const { data, metadata } = await session.sendMessage({
    contentType: "text/plain",
    message: "Hello",
    metadata: { key: 1 },
  });
  if (data) log(data.Id, data.AbsoluteTime, metadata.key);
  await session.sendEvent({ contentType: "application/vnd.amazonaws.connect.event.typing" });
  const page = await session.getTranscript({
    scanDirection: "BACKWARD",
    sortOrder: "ASCENDING",
    maxResults: 15,
    startPosition: { mostRecent: 10 },
  });
  if (page.data) for (const item of page.data.Transcript) log(item.Type, item.Content);
  const sent = await session.sendAttachment({ attachment: new File([], "a.txt") });
  const blob: Blob = await session.downloadAttachment({ attachmentId: "a" });
  const url: string = await session.getAttachmentURL({ attachmentId: "a" });
  log(sent.data, blob.size, url.length, session.getChatDetails().initialContactId);
  await session.describeView({ InstanceId: "i", viewToken: "v" });
  await session.getAuthenticationUrl({ redirectUri: "https://example.com", sessionId: "s" });
  await session.cancelParticipantAuthentication({ sessionId: "s" });
  const left: connect.ParticipantServiceResponse<void> = await session.disconnectParticipant();
  log(left.error, left.requestId);
}
void talk(customer);

/** What a test of an application puts in the place of a session. */
const mock: Pick<connect.CustomerChatSession, "onMessage" | "onEnded" | "getChatDetails"> = {
  onMessage: (_handler): void => {},
  onEnded: (_handler): void => {},
  getChatDetails: () => ({ contactId: "c", initialContactId: "c", participantId: "p" }),
};
log(mock, connect.ChatJS.version, connect.ChatSession.csmService.csmInitialized);
connect.ChatSession.setFeatureFlag("MESSAGE_RECEIPTS_ENABLED");
connect.ChatSession.setRegionOverride("us-west-2");
