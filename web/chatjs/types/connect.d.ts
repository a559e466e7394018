// The global `connect`, in the types of amazon-connect-chatjs 5.0.0: every name of its typings is here, with
// the same meaning to a compiler, so that programs written against them compile. `test/types` holds them beside
// each other. What is more precise, and what is new, is in index.d.ts.

declare namespace connect {
  const ChatSession: import("./index.js").ChatSessionApi;
  const ChatJS: ChatJSObject;

  /** Which library this is. */
  interface ChatJSObject {
    /** The release of the original whose behaviour this is. */
    readonly version: string;
    readonly name: string;
    readonly source: string;
    readonly repository: string;
    readonly build: {
      /** When the library was loaded, ISO 8601. */
      readonly timestamp: string;
      readonly environment: "production" | "development";
    };
  }

  /** What makes sessions. */
  interface ChatSessionObject {
    /** A session of an agent. Sends nothing yet. */
    create(args: AgentChatSessionArgs): AgentChatSession;
    /** A session of a customer. Sends nothing yet. */
    create(args: CustomerChatSessionArgs): CustomerChatSession;
    /** What holds for the sessions that are created from then on. A member that is left out keeps its value. */
    setGlobalConfig(config: ChatGlobalConfig): void;
    LogLevel: ChatLogLevel;
    Logger: ChatLogger;
    SessionTypes: ChatSessionTypes;
    csmService: CSMService;
    setFeatureFlag: SetFeatureFlag;
    setRegionOverride: SetRegionOverride;
  }

  interface ChatSessionTypes {
    readonly AGENT: "AGENT";
    readonly CUSTOMER: "CUSTOMER";
  }

  interface MessageProcessingStatus {
    readonly PROCESSING: "PROCESSING";
    readonly FAILED: "FAILED";
    readonly REJECTED: "REJECTED";
  }

  /** Who speaks in which chat. */
  interface ChatDetailsInput {
    readonly contactId: string;
    readonly participantId: string;
    readonly participantToken: string;
  }

  interface ChatSessionOptions {
    /** The AWS region of the service, `us-west-2` unless said. */
    readonly region?: string;
  }

  interface ChatSessionArgs {
    readonly chatDetails: ChatDetailsInput;
    readonly options?: ChatSessionOptions;
    readonly type: ChatSessionTypes[keyof ChatSessionTypes];
  }

  interface CustomerChatSessionArgs extends ChatSessionArgs {
    readonly type: ChatSessionTypes["CUSTOMER"];
    /** Changes nothing: no metrics are sent in any case. */
    readonly disableCSM?: boolean;
  }

  interface AgentChatSessionArgs extends ChatSessionArgs {
    readonly type: ChatSessionTypes["AGENT"];
    /** The agent's socket: `connect.core.getWebSocketManager()` of Streams. */
    readonly websocketManager: WebSocketManager;
  }

  /** Methods, as in the typings of Streams, which have an interface of this name too: the two become one. */
  interface WebSocketManager {
    onConnectionGain(callback: (event: unknown) => void): void;
    onConnectionLost(callback: (event: unknown) => void): void;
    onMessage(callback: (event: unknown) => void): void;
    sendMessage(message: Record<string, unknown>): void;
    connect(): void;
    disconnect(): void;
  }

  interface ChatLogLevel {
    readonly DEBUG: 10;
    readonly INFO: 20;
    readonly WARN: 30;
    readonly ERROR: 40;
  }

  interface ChatGlobalConfig extends ChatSessionOptions {
    /** Nothing is logged without a logger or `useDefaultLogger`. Left out, logging is switched off. */
    readonly loggerConfig?: {
      readonly customizedLogger?: {
        debug: (...msg: any[]) => void;
        info: (...msg: any[]) => void;
        warn: (...msg: any[]) => void;
        error: (...msg: any[]) => void;
      };
      /** The lowest level that is written, `INFO` unless said. */
      readonly level?: ChatLogLevel[keyof ChatLogLevel];
      /** Write to the console. */
      readonly useDefaultLogger?: boolean;
    };
    readonly region?: string;
    readonly features?: {
      messageReceipts?: {
        /** Whether receipts are sent; they are unless switched off. */
        shouldSendMessageReceipts?: boolean;
        /** Receipts are gathered for so long, in milliseconds; 5,000 unless said. */
        throttleTime?: number;
      };
    };
    /** Joins the `x-amz-user-agent` of each request. */
    readonly customUserAgentSuffix?: string;
    readonly webSocketManagerConfig?: {
      /** Whether there is a network, where the platform has no `navigator.onLine`. */
      isNetworkOnline: () => boolean;
    };
  }

  interface ChatLogger {
    debug(message: string): void;
    info(message: string): void;
    warn(message: string): void;
    error(message: string): void;
  }

  interface NetworkLinkStatus {
    readonly NeverEstablished: "NeverEstablished";
    readonly Establishing: "Establishing";
    readonly Established: "Established";
    readonly Broken: "Broken";
  }

  /** What is behind a session. */
  interface ChatController {
    subscribe(eventName: string, callback: (event: unknown) => void): void;
    sendMessage(args: SendMessageArgs): Promise<ParticipantServiceResponse<SendMessageResult>>;
    sendAttachment(args: SendAttachmentArgs): Promise<ParticipantServiceResponse<SendAttachmentResult>>;
    downloadAttachment(args: DownloadAttachmentArgs): Promise<Blob>;
    getAttachmentURL(args: GetAttachmentURLArgs): Promise<string>;
    sendEvent(args: SendEventArgs): Promise<ParticipantServiceResponse<SendEventResult>>;
    getTranscript(args: GetTranscriptArgs): Promise<ParticipantServiceResponse<GetTranscriptResult>>;
    connect(args?: ConnectArgs): Promise<ConnectChatResult>;
    getChatDetails(): ChatDetails;
    describeView(args: DescribeViewArgs): Promise<ParticipantServiceResponse<DescribeViewResult>>;
    getAuthenticationUrl(
      args: GetAuthenticationUrlArgs,
    ): Promise<ParticipantServiceResponse<GetAuthenticationUrlResult>>;
    cancelParticipantAuthentication(
      args: CancelParticipantAuthenticationArgs,
    ): Promise<ParticipantServiceResponse<void>>;
    cleanUpOnParticipantDisconnect?(): void;
    disconnectParticipant?(): Promise<ParticipantServiceResponse<void>>;
  }

  /** What sessions of agents and customers have in common. */
  interface ChatSessionInterface {
    controller: ChatController;

    getChatDetails(): ChatDetails;

    /** Connects. Rejects after the third attempt that failed, and may then be called again. */
    connect(args?: ConnectArgs): Promise<ConnectChatResult>;
    connect<T>(args?: WithMetadata<ConnectArgs, T>): Promise<WithMetadata<ConnectChatResult, T>>;

    /** One page of the transcript. */
    getTranscript(args: GetTranscriptArgs): Promise<ParticipantServiceResponse<GetTranscriptResult>>;
    getTranscript<T>(
      args: WithMetadata<GetTranscriptArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<GetTranscriptResult>, T>>;

    /** Declines to sign in. */
    cancelParticipantAuthentication(
      args: CancelParticipantAuthenticationArgs,
    ): Promise<ParticipantServiceResponse<void>>;
    cancelParticipantAuthentication<T>(
      args: WithMetadata<CancelParticipantAuthenticationArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<void>, T>>;

    /** Where a customer signs in. */
    getAuthenticationUrl(
      args: GetAuthenticationUrlArgs,
    ): Promise<ParticipantServiceResponse<GetAuthenticationUrlResult>>;
    getAuthenticationUrl<T>(
      args: WithMetadata<GetAuthenticationUrlArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<GetAuthenticationUrlResult>, T>>;

    /** Sends an event: typing, a receipt. */
    sendEvent(args: SendEventArgs): Promise<ParticipantServiceResponse<SendEventResult>>;
    sendEvent<T>(
      args: WithMetadata<SendEventArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<SendEventResult>, T>>;

    /** Uploads a file and sends it. */
    sendAttachment(args: SendAttachmentArgs): Promise<ParticipantServiceResponse<SendAttachmentResult>>;
    sendAttachment<T>(
      args: WithMetadata<SendAttachmentArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<SendAttachmentResult>, T>>;

    /** The bytes of a file. */
    downloadAttachment(args: DownloadAttachmentArgs): Promise<Blob>;
    downloadAttachment<T>(args: WithMetadata<DownloadAttachmentArgs, T>): Promise<WithMetadata<Blob, T>>;

    /** A signed address of a file, which is good for a short time. */
    getAttachmentURL(args: GetAttachmentURLArgs): Promise<string>;
    getAttachmentURL<T>(args: WithMetadata<GetAttachmentURLArgs, T>): Promise<WithMetadata<string, T>>;

    /** Sends a message. */
    sendMessage(args: SendMessageArgs): Promise<ParticipantServiceResponse<SendMessageResult>>;
    sendMessage<T>(
      args: WithMetadata<SendMessageArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<SendMessageResult>, T>>;

    /** The view that an interactive message shows. */
    describeView(args: DescribeViewArgs): Promise<ParticipantServiceResponse<DescribeViewResult>>;
    describeView<T>(
      args: WithMetadata<DescribeViewArgs, T>,
    ): Promise<WithMetadata<ParticipantServiceResponse<DescribeViewResult>, T>>;

    /** There will be no connection any more. */
    onConnectionBroken(handler: (event: ChatConnectionBrokenEvent) => void): void;
    /** The session is connected, for the first time or again. */
    onConnectionEstablished(handler: (event: ChatConnectionEstablishedEvent) => void): void;
    /** The customer is asked to sign in. */
    onAuthenticationInitiated(handler: (event: ChatAuthenticationInitiatedEvent) => void): void;
    onAuthenticationSuccessful(handler: (event: ChatMessageEvent) => void): void;
    onAuthenticationFailed(handler: (event: ChatMessageEvent) => void): void;
    onAuthenticationTimeout(handler: (event: ChatMessageEvent) => void): void;
    onAuthenticationCanceled(handler: (event: ChatMessageEvent) => void): void;
    onParticipantDisplayNameUpdated(handler: (event: ChatParticipantDisplayNameUpdatedEvent) => void): void;
    /** The chat is over. */
    onEnded(handler: (event: ChatEndedEvent) => void): void;
    /** The connection is gone; another one is being made. */
    onConnectionLost(handler: (event: ChatConnectionLostEvent) => void): void;
    /** A message or an event that has no other callback, of anybody, oneself included. */
    onMessage(handler: (event: ChatMessageEvent) => void): void;
    /** Somebody is typing, oneself included. */
    onTyping(handler: (event: ChatTypingEvent) => void): void;
    onReadReceipt(handler: (event: ChatMessageEvent) => void): void;
    onDeliveredReceipt(handler: (event: ChatMessageEvent) => void): void;
    onParticipantIdle(handler: (event: ChatMessageEvent) => void): void;
    onParticipantReturned(handler: (event: ChatMessageEvent) => void): void;
    onParticipantInvited(handler: (event: ChatMessageEvent) => void): void;
    onAutoDisconnection(handler: (event: ChatMessageEvent) => void): void;
    onDeepHeartbeatSuccess(handler: (event: ChatMessageEvent) => void): void;
    onDeepHeartbeatFailure(handler: (event: ChatMessageEvent) => void): void;
    /** The transcript of an earlier chat has been attached. */
    onChatRehydrated(handler: (event: ChatMessageEvent) => void): void;
    /** The whole transcript, after each change. */
    onTranscriptUpdated(handler: (event: ChatTranscriptUpdatedEvent) => void): void;
  }

  interface AgentChatSession extends ChatSessionInterface {
    /** Takes every callback of the session away. */
    cleanUpOnParticipantDisconnect(): void;
  }

  interface CustomerChatSession extends ChatSessionInterface {
    /** Leaves the chat. Nothing can be sent afterwards. */
    disconnectParticipant(): Promise<ParticipantServiceResponse<void>>;
  }

  interface ChatDetails {
    readonly contactId: string;
    readonly initialContactId: string;
    readonly participantId: string;
    readonly participantToken?: string;
    /** What the service gave; `ConnectionDetails` in index.d.ts is what it really holds. */
    readonly connectionDetails?: {
      readonly connectionToken: string;
      readonly ConnectionId: string;
      readonly PreSignedConnectionUrl: string;
    };
  }

  type ChatEventContentType =
    | "application/vnd.amazonaws.connect.event.typing"
    | "application/vnd.amazonaws.connect.event.message.read"
    | "application/vnd.amazonaws.connect.event.message.delivered"
    | "application/vnd.amazonaws.connect.event.participant.joined"
    | "application/vnd.amazonaws.connect.event.participant.left"
    | "application/vnd.amazonaws.connect.event.participant.idle"
    | "application/vnd.amazonaws.connect.event.participant.returned"
    | "application/vnd.amazonaws.connect.event.participant.invited"
    | "application/vnd.amazonaws.connect.event.participant.autodisconnection"
    | "application/vnd.amazonaws.connect.event.transfer.succeeded"
    | "application/vnd.amazonaws.connect.event.transfer.failed"
    | "application/vnd.amazonaws.connect.event.chat.ended"
    | "application/vnd.amazonaws.connect.event.chat.rehydrated"
    | "application/vnd.amazonaws.connect.event.connection.acknowledged"
    | "application/vnd.amazonaws.connect.event.authentication.initiated"
    | "application/vnd.amazonaws.connect.event.authentication.succeeded"
    | "application/vnd.amazonaws.connect.event.authentication.failed"
    | "application/vnd.amazonaws.connect.event.authentication.timeout"
    | "application/vnd.amazonaws.connect.event.authentication.expired"
    | "application/vnd.amazonaws.connect.event.authentication.cancelled"
    | "application/vnd.amazonaws.connect.event.participant.displayname.updated";

  type ChatMessageContentType =
    | "text/plain"
    | "text/markdown"
    | "text/csv"
    | "application/msword"
    | "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    | "application/json"
    | "application/pdf"
    | "application/vnd.ms-powerpoint"
    | "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    | "application/vnd.ms-excel"
    | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    | "image/jpeg"
    | "image/png"
    | "audio/wav"
    | "audio/x-wav"
    | "audio/vnd.wave"
    | "application/vnd.amazonaws.connect.message.interactive"
    | "application/vnd.amazonaws.connect.message.interactive.response";

  type ChatContentType = ChatEventContentType | ChatMessageContentType;

  /** A result of the service; `Result` in index.d.ts is what it really holds. */
  interface AWSResponse<D> {
    data: D | void;
    error: Error | void;
    requestId: string;
    redirectCount: number;
    retryCount: number;
  }

  interface ChatMetadata<T> {
    /** What the application gave with the call. */
    readonly metadata: T;
  }

  type WithMetadata<D, M> = D & ChatMetadata<M>;
  type ParticipantServiceResponse<D> = AWSResponse<D>;

  type ConnectArgs = {};

  interface ConnectChatResult {
    connectCalled: boolean;
    connectSuccess: boolean;
  }

  interface GetTranscriptArgs {
    /** Another contact of the same chat. */
    readonly contactId?: string;
    /** The most items in the page, 15 unless said. */
    readonly maxResults?: number;
    /** The `NextToken` of the page before. */
    readonly nextToken?: string;
    /** From the start position on, `BACKWARD` unless said. */
    readonly scanDirection?: "FORWARD" | "BACKWARD";
    /** `ASCENDING` unless said. */
    readonly sortOrder?: "DESCENDING" | "ASCENDING";
    /** Where to begin; one of these. */
    readonly startPosition?: {
      /** ISO 8601 with milliseconds, in UTC. */
      readonly absoluteTime?: string;
      readonly id?: string;
      /** Counted from the newest item, 0 to 100. */
      readonly mostRecent?: number;
    };
  }

  interface GetTranscriptResult {
    readonly InitialContactId: string;
    /** Absent on the last page. */
    readonly NextToken: string;
    readonly Transcript: ChatTranscriptItem[];
  }

  interface CancelParticipantAuthenticationArgs {
    sessionId: string;
  }

  interface GetAuthenticationUrlArgs {
    /** Where the customer is sent afterwards. */
    redirectUri: string;
    sessionId: string;
  }

  interface GetAuthenticationUrlResult {
    AuthenticationUrl?: string;
  }

  interface ChatTranscriptItem {
    /** When the service took the item: ISO 8601 with milliseconds, in UTC. */
    readonly AbsoluteTime: string;
    readonly Attachments?: AttachmentItem[];
    readonly Content?: string;
    readonly ContentType?: ChatContentType;
    /** The name of who sent it. */
    readonly DisplayName?: string;
    readonly Id: string;
    readonly ParticipantId?: string;
    readonly ParticipantRole?: "AGENT" | "CUSTOMER" | "SYSTEM";
    readonly Type: "MESSAGE" | "EVENT" | "ATTACHMENT" | "CONNECTION_ACK";
    readonly MessageMetadata?: {
      readonly MessageId?: string;
      readonly Status?: "SENDING" | "SENT" | "DELIVERED" | "READ" | "FAILED" | "UNKNOWN";
      readonly MessageProcessingStatus?: MessageProcessingStatus[keyof MessageProcessingStatus];
      readonly Receipts?: Array<{
        readonly DeliveredTimestamp?: string;
        readonly ReadTimestamp?: string;
      }>;
      readonly MessageCompleted?: boolean;
      readonly ChunkNumber?: number;
    };
    readonly serializedContent?: string;
  }

  interface AttachmentItem {
    readonly AttachmentId: string;
    readonly AttachmentName: string;
    /** A MIME type. */
    readonly ContentType: string;
    readonly Status: "APPROVED" | "REJECTED" | "IN_PROGRESS";
  }

  interface SendMessageArgs {
    message: string;
    contentType: ChatMessageContentType;
    /** Makes a repeat of the same message harmless; one is made up unless given. */
    clientToken?: string;
  }

  interface SendMessageResult {
    readonly AbsoluteTime: string;
    readonly Id: string;
    readonly MessageMetadata?: {
      readonly MessageId?: string;
      readonly Status?: "SENDING" | "SENT" | "DELIVERED" | "READ" | "FAILED" | "UNKNOWN";
      readonly MessageProcessingStatus?: MessageProcessingStatus[keyof MessageProcessingStatus];
      readonly Receipts?: Array<{
        readonly DeliveredTimestamp?: string;
        readonly ReadTimestamp?: string;
      }>;
    };
  }

  interface SendEventArgs {
    /** JSON text. */
    content?: string;
    contentType: ChatEventContentType;
    clientToken?: string;
  }

  interface SendAttachmentArgs {
    attachment: File;
  }

  interface DownloadAttachmentArgs {
    attachmentId: string;
  }

  interface GetAttachmentURLArgs {
    attachmentId: string;
  }

  interface SendEventResult {
    readonly AbsoluteTime: string;
    readonly Id: string;
  }

  interface SendAttachmentResult {}

  interface GetAttachmentURLResult {
    readonly Url: string;
  }

  interface DescribeViewArgs {
    /** Not sent. */
    InstanceId: string | undefined;
    viewToken: string | undefined;
    metadata?: unknown;
  }

  interface DescribeViewResult {
    View?: View;
  }

  /** An item as a callback gets it. */
  interface ChatEventData extends ChatTranscriptItem {
    readonly ContactId?: string;
    readonly InitialContactId?: string;
  }

  interface ChatConnectionBrokenEvent {
    readonly chatDetails: ChatDetails;
  }

  interface ChatConnectionEstablishedEvent {
    readonly chatDetails: ChatDetails;
  }

  interface ChatEndedEvent {
    readonly chatDetails: ChatDetails;
  }

  interface ChatConnectionLostEvent {
    readonly chatDetails: ChatDetails;
  }

  interface ChatMessageEvent {
    readonly chatDetails: ChatDetails;
    readonly data: ChatEventData & {
      ContentType: Exclude<ChatContentType, "application/vnd.amazonaws.connect.event.typing">;
    };
  }

  interface ChatTranscriptUpdatedEvent {
    readonly chatDetails: ChatDetails;
    readonly data: {
      readonly transcript: ChatTranscriptItem[];
      /** Where the entries before the first begin. */
      readonly previousTranscriptNextToken?: string;
    };
  }

  interface ChatAuthenticationInitiatedEvent {
    readonly chatDetails: ChatDetails;
    readonly data: ChatEventData & {
      ContentType: "application/vnd.amazonaws.connect.event.authentication.initiated";
      /** JSON text with a `SessionId`. */
      Content: string;
    };
  }

  interface ChatParticipantDisplayNameUpdatedEvent {
    readonly chatDetails: ChatDetails;
    readonly data: ChatEventData & {
      ContentType: "application/vnd.amazonaws.connect.event.participant.displayname.updated";
      DisplayName: string;
    };
  }

  interface ChatTypingEvent {
    readonly chatDetails: ChatDetails;
    readonly data: ChatEventData & {
      ContentType: "application/vnd.amazonaws.connect.event.typing";
    };
  }

  /** Counts nothing and sends nothing: its methods are there for programs that call them. */
  interface CSMService {
    widgetType: string;
    logger: {
      options: Record<string, unknown>;
      debug(...args: unknown[]): void;
      info(...args: unknown[]): void;
      warn(...args: unknown[]): void;
      error(...args: unknown[]): void;
      advancedLog(...args: unknown[]): void;
      _shouldLog(level: number): boolean;
      _writeToClientLogger(level: number, logStatement: string): void;
      _log(level: number, args: unknown[]): void;
      _convertToSingleStatement(args: unknown[]): string;
      _convertToString(arg: unknown): string;
    };
    csmInitialized: boolean;
    metricsToBePublished: Record<string, unknown>[];
    agentMetricToBePublished: Record<string, unknown>[];
    MAX_RETRY: number;
    loadCsmScriptAndExecute(): void;
    initializeCSM(): void;
    updateCsmConfig(csmConfig: Record<string, unknown>): void;
    _hasCSMFailedToImport(): boolean;
    getDefaultDimensions(): { name: string; value: string }[];
    addMetric(metric: Record<string, unknown>): void;
    setDimensions(metric: Record<string, unknown>, dimensions: Array<{ name: string; value: string }>): void;
    addLatencyMetric(
      method: string,
      timeDifference: number,
      category: string,
      otherDimensions?: Array<{ name: string; value: string }>,
    ): void;
    addLatencyMetricWithStartTime(
      method: string,
      startTime: number,
      category: string,
      otherDimensions?: Array<{ name: string; value: string }>,
    ): void;
    addCountAndErrorMetric(
      method: string,
      category: string,
      error: boolean,
      otherDimensions?: Array<{ name: string; value: string }>,
    ): void;
    addCountMetric(method: string, category: string, otherDimensions?: Array<{ name: string; value: string }>): void;
    addAgentCountMetric(metricName: string, count: number): void;
  }

  interface SetFeatureFlag {
    (feature: string): void;
  }

  interface SetRegionOverride {
    (regionOverride: string): void;
  }

  /** A view of the service. */
  interface View {
    Id?: string;
    Arn?: string;
    Name?: string;
    Status?: ViewStatus;
    Type?: ViewType;
    Description?: string;
    Version?: number;
    VersionDescription?: string;
    Content?: ViewContent;
    Tags?: Record<string, string>;
    CreatedTime?: Date;
    LastModifiedTime?: Date;
    ViewContentSha256?: string;
  }

  interface ViewStatus {
    readonly PUBLISHED: "PUBLISHED";
    readonly SAVED: "SAVED";
  }

  interface ViewType {
    readonly AWS_MANAGED: "AWS_MANAGED";
    readonly CUSTOMER_MANAGED: "CUSTOMER_MANAGED";
  }

  interface ViewContent {
    /** JSON text: what the view must be given. */
    InputSchema?: string;
    /** JSON text: how it looks. */
    Template?: string;
    Actions?: string[];
  }
}
