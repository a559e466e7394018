//! Values of the wire types. Everything private holds [`PRIVATE`].

use std::collections::BTreeMap;

use chatloom_wire::{
    ConnectionToken, ContentType, Item, ItemType, MessageMetadata, NewItem, ParticipantRole,
    Receipt, Timestamp,
    contact::{
        AgentInfo, ChatContactMetrics, ChatMessage, ChatMetrics, ChatStreamingConfiguration,
        Contact, CreateParticipantRequest, CreateParticipantResponse, DescribeContactResponse,
        DisconnectReason, GetContactAttributesResponse, ListContactReferencesResponse,
        ParticipantConfiguration, ParticipantDetails, ParticipantDetailsToAdd, ParticipantMetrics,
        ParticipantTokenCredentials, PersistentChat, QueueInfo, Reference, ReferenceStatus,
        ReferenceSummary, ReferenceType, RehydrationType, ResponseMode, SegmentAttributeValue,
        SegmentAttributes, StartChatAnswer, StartChatContactRequest, StartChatContactResponse,
        StartChatData, StartChatRequest, StartContactStreamingRequest,
        StartContactStreamingResponse, StateTransition, StopContactRequest,
        StopContactStreamingRequest, TagContactRequest, UpdateContactAttributesRequest,
        UpdateContactRequest,
    },
    item::AttachmentItem,
    participant::{
        CancelParticipantAuthenticationRequest, CompleteAttachmentUploadRequest,
        ConnectionCredentials, ConnectionType, CreateParticipantConnectionRequest,
        CreateParticipantConnectionResponse, DescribeViewResponse, DisconnectParticipantRequest,
        GetAttachmentRequest, GetAttachmentResponse, GetAuthenticationUrlRequest,
        GetAuthenticationUrlResponse, GetTranscriptRequest, GetTranscriptResponse, ScanDirection,
        SendEventRequest, SendMessageRequest, SentResponse, SortOrder,
        StartAttachmentUploadRequest, StartAttachmentUploadResponse, StartPosition, UploadMetadata,
        UrlContentDisposition, View, ViewContent, Websocket,
    },
};

/// Stands wherever nothing may be printed.
pub(crate) const PRIVATE: &str = "p:rivate";

pub(crate) const TIME: Timestamp = Timestamp::from_millis(1_573_180_888_172);

pub(crate) fn credentials() -> ConnectionCredentials {
    ConnectionCredentials {
        connection_token: Some(ConnectionToken::from(PRIVATE)),
        expiry: Some(TIME.to_string()),
    }
}

pub(crate) fn websocket() -> Websocket {
    Websocket {
        url: Some(format!("wss://chat.example/socket?token={PRIVATE}")),
        connection_expiry: Some(TIME.to_string()),
    }
}

pub(crate) fn mark_only() -> CreateParticipantConnectionRequest {
    CreateParticipantConnectionRequest { types: None, connect_participant: Some(true) }
}

pub(crate) fn connection() -> CreateParticipantConnectionResponse {
    CreateParticipantConnectionResponse {
        websocket: Some(websocket()),
        connection_credentials: Some(credentials()),
    }
}

pub(crate) fn message() -> SendMessageRequest {
    SendMessageRequest {
        client_token: Some("c-1".to_owned()),
        content: format!("\"{PRIVATE}\"\n\u{1F600} </script>\u{2028}"),
        content_type: ContentType::TextPlain,
    }
}

pub(crate) fn message_without_token() -> SendMessageRequest {
    SendMessageRequest { client_token: None, ..message() }
}

pub(crate) fn typing() -> SendEventRequest {
    SendEventRequest { client_token: None, content: None, content_type: ContentType::Typing }
}

pub(crate) fn receipt() -> SendEventRequest {
    SendEventRequest {
        client_token: Some("INCOMING_READ_RECEIPT".to_owned()),
        content: Some(format!(r#"{{"messageId":"i-1","x":"{PRIVATE}"}}"#)),
        content_type: ContentType::MessageRead,
    }
}

pub(crate) fn sent() -> SentResponse {
    SentResponse { id: "i-1".into(), absolute_time: TIME }
}

pub(crate) fn page_request() -> GetTranscriptRequest {
    GetTranscriptRequest {
        contact_id: Some("c-1".into()),
        max_results: Some(100),
        next_token: Some(PRIVATE.to_owned()),
        scan_direction: Some(ScanDirection::Backward),
        sort_order: Some(SortOrder::Ascending),
        start_position: Some(StartPosition {
            id: Some("i-1".into()),
            absolute_time: Some(TIME.to_string()),
            most_recent: Some(7),
        }),
    }
}

/// What ChatJS sends when the application gives nothing (docs/protocol/websocket.md S69).
pub(crate) fn page_request_of_chatjs() -> GetTranscriptRequest {
    GetTranscriptRequest {
        max_results: Some(15),
        scan_direction: Some(ScanDirection::Backward),
        sort_order: Some(SortOrder::Ascending),
        start_position: Some(StartPosition::default()),
        ..GetTranscriptRequest::default()
    }
}

pub(crate) fn page() -> GetTranscriptResponse {
    GetTranscriptResponse {
        initial_contact_id: Some("c-0".into()),
        transcript: vec![
            Item::from_text(text_item(true)).unwrap(),
            Item::from_text(r#"{"Id":"i-9","Type":"HOLOGRAM","Depth":[1,2.50]}"#).unwrap(),
        ],
        next_token: Some(PRIVATE.to_owned()),
    }
}

pub(crate) fn disconnect() -> DisconnectParticipantRequest {
    DisconnectParticipantRequest { client_token: Some("c-2".to_owned()) }
}

pub(crate) fn start() -> StartChatContactRequest {
    StartChatContactRequest {
        instance_id: "in-1".into(),
        contact_flow_id: "f-1".into(),
        participant_details: ParticipantDetails { display_name: PRIVATE.to_owned() },
        attributes: BTreeMap::from([("plan".to_owned(), PRIVATE.to_owned())]),
        initial_message: Some(ChatMessage {
            content_type: ContentType::TextMarkdown,
            content: PRIVATE.to_owned(),
        }),
        client_token: Some("c-3".to_owned()),
        chat_duration_in_minutes: Some(60),
        supported_messaging_content_types: Some(vec![
            ContentType::TextPlain,
            ContentType::TextMarkdown,
        ]),
        connection_types: Some(vec![
            ConnectionType::Websocket,
            ConnectionType::ConnectionCredentials,
        ]),
        segment_attributes: segment_attributes(),
        customer_id: Some(PRIVATE.to_owned()),
        participant_configuration: Some(ParticipantConfiguration {
            response_mode: Some(ResponseMode::Incremental),
        }),
        persistent_chat: Some(PersistentChat {
            rehydration_type: RehydrationType::FromSegment,
            source_contact_id: "c-9".into(),
        }),
        related_contact_id: None,
        disconnect_on_customer_exit: Some(vec![ParticipantRole::Agent]),
        chat_streaming_configuration: Some(streaming()),
    }
}

pub(crate) fn segment_attributes() -> SegmentAttributes {
    let map = SegmentAttributeValue {
        value_map: Some(BTreeMap::from([(
            "Status".to_owned(),
            SegmentAttributeValue::text("AUTHENTICATED"),
        )])),
        ..SegmentAttributeValue::default()
    };
    let list = SegmentAttributeValue {
        value_list: Some(vec![
            SegmentAttributeValue { value_integer: Some(-7), ..SegmentAttributeValue::default() },
            SegmentAttributeValue {
                value_arn: Some("arn:aws:x".to_owned()),
                ..SegmentAttributeValue::default()
            },
        ]),
        ..SegmentAttributeValue::default()
    };
    BTreeMap::from([
        ("connect:CustomerAuthentication".to_owned(), map),
        ("list".to_owned(), list),
        ("note".to_owned(), SegmentAttributeValue::text(PRIVATE)),
    ])
}

pub(crate) fn smallest_start() -> StartChatContactRequest {
    StartChatContactRequest::new(
        "in-1".into(),
        "f-1".into(),
        ParticipantDetails { display_name: PRIVATE.to_owned() },
    )
}

pub(crate) fn started() -> StartChatContactResponse {
    StartChatContactResponse {
        contact_id: "c-0".into(),
        participant_id: "p-1".into(),
        participant_token: PRIVATE.into(),
        continued_from_contact_id: Some("c-9".into()),
        connection_credentials: Some(credentials()),
        websocket: Some(websocket()),
        streaming_id: Some("s-1".into()),
    }
}

pub(crate) fn started_without_connection() -> StartChatContactResponse {
    StartChatContactResponse {
        continued_from_contact_id: None,
        connection_credentials: None,
        websocket: None,
        streaming_id: None,
        ..started()
    }
}

pub(crate) fn streaming() -> ChatStreamingConfiguration {
    ChatStreamingConfiguration {
        streaming_endpoint_arn: "arn:aws:sns:us-west-2:0:chats".to_owned(),
    }
}

pub(crate) fn start_streaming() -> StartContactStreamingRequest {
    StartContactStreamingRequest {
        instance_id: "in-1".into(),
        contact_id: "c-0".into(),
        chat_streaming_configuration: streaming(),
        client_token: "c-3".to_owned(),
    }
}

pub(crate) fn streaming_started() -> StartContactStreamingResponse {
    StartContactStreamingResponse { streaming_id: "s-1".into() }
}

pub(crate) fn stop_streaming() -> StopContactStreamingRequest {
    StopContactStreamingRequest {
        instance_id: "in-1".into(),
        contact_id: "c-0".into(),
        streaming_id: "s-1".into(),
    }
}

pub(crate) fn create_participant() -> CreateParticipantRequest {
    CreateParticipantRequest {
        instance_id: "in-1".into(),
        contact_id: "c-0".into(),
        client_token: Some("c-3".to_owned()),
        participant_details: ParticipantDetailsToAdd {
            participant_role: Some(ParticipantRole::CustomBot),
            display_name: Some(PRIVATE.to_owned()),
        },
    }
}

pub(crate) fn participant_created() -> CreateParticipantResponse {
    CreateParticipantResponse {
        participant_credentials: ParticipantTokenCredentials {
            participant_token: PRIVATE.into(),
            expiry: "2026-06-01T00:00:15.000Z".to_owned(),
        },
        participant_id: "p-3".into(),
    }
}

pub(crate) fn stop() -> StopContactRequest {
    StopContactRequest {
        contact_id: "c-0".into(),
        instance_id: "in-1".into(),
        disconnect_reason: None,
    }
}

pub(crate) fn stop_with_reason() -> StopContactRequest {
    let code = Some("DISCARDED".to_owned());
    StopContactRequest { disconnect_reason: Some(DisconnectReason { code }), ..stop() }
}

pub(crate) fn attributes() -> GetContactAttributesResponse {
    GetContactAttributesResponse {
        attributes: BTreeMap::from([("plan".to_owned(), PRIVATE.to_owned())]),
    }
}

pub(crate) fn attributes_change() -> UpdateContactAttributesRequest {
    UpdateContactAttributesRequest {
        initial_contact_id: "c-0".into(),
        instance_id: "in-1".into(),
        attributes: attributes().attributes,
    }
}

pub(crate) fn reference(kind: ReferenceType) -> Reference {
    Reference {
        value: Some(PRIVATE.to_owned()),
        reference_type: kind,
        status: Some(ReferenceStatus::Available),
        arn: Some("arn:aws:connect:us-west-2:0:file".to_owned()),
        status_reason: Some(PRIVATE.to_owned()),
    }
}

pub(crate) fn contact_change() -> UpdateContactRequest {
    UpdateContactRequest {
        name: Some(PRIVATE.to_owned()),
        description: Some(PRIVATE.to_owned()),
        references: Some(BTreeMap::from([
            (PRIVATE.to_owned(), reference(ReferenceType::Url)),
            (
                "plain".to_owned(),
                Reference {
                    status: None,
                    arn: None,
                    status_reason: None,
                    ..reference(ReferenceType::String)
                },
            ),
        ])),
        segment_attributes: Some(segment_attributes()),
        ..UpdateContactRequest::default()
    }
}

pub(crate) fn references() -> ListContactReferencesResponse {
    let types = ReferenceType::KNOWN.iter();
    ListContactReferencesResponse {
        reference_summary_list: types
            .filter_map(|kind| ReferenceSummary::new(PRIVATE, &reference(kind.clone())))
            .collect(),
    }
}

pub(crate) fn tags() -> TagContactRequest {
    TagContactRequest {
        contact_id: "c-0".into(),
        instance_id: "in-1".into(),
        tags: BTreeMap::from([("team".to_owned(), PRIVATE.to_owned())]),
    }
}

pub(crate) fn described() -> DescribeContactResponse {
    DescribeContactResponse {
        contact: Contact {
            arn: Some("arn:aws:connect:us-west-2:0:instance/in-1/contact/c-1".to_owned()),
            id: "c-1".into(),
            initial_contact_id: Some("c-0".into()),
            previous_contact_id: Some("c-0".into()),
            contact_association_id: Some("c-0".into()),
            related_contact_id: Some("c-9".into()),
            initiation_method: "API".to_owned(),
            channel: "CHAT".to_owned(),
            name: Some(PRIVATE.to_owned()),
            description: Some(PRIVATE.to_owned()),
            customer_id: Some(PRIVATE.to_owned()),
            queue_info: Some(QueueInfo {
                id: "q-1".to_owned(),
                enqueue_timestamp: 1_573_180_888.172,
            }),
            agent_info: Some(AgentInfo {
                id: "ana".to_owned(),
                accepted_by_agent_timestamp: Some(1_573_180_888.5),
                connected_to_agent_timestamp: 1_573_180_889.0,
                state_transitions: vec![StateTransition {
                    state: "CONNECTED".to_owned(),
                    state_start_timestamp: 1_573_180_889.0,
                    state_end_timestamp: Some(1_573_180_900.5),
                }],
            }),
            initiation_timestamp: 1_573_180_800.0,
            connected_to_system_timestamp: Some(1_573_180_801.0),
            disconnect_timestamp: Some(1_573_180_900.5),
            last_update_timestamp: 1_573_180_900.5,
            disconnect_reason: Some("AGENT_DISCONNECT".to_owned()),
            chat_metrics: Some(ChatMetrics {
                chat_contact_metrics: Some(ChatContactMetrics {
                    multi_party: true,
                    total_messages: 3,
                    total_bot_messages: 1,
                    total_bot_message_length_in_chars: 20,
                    conversation_close_time_in_millis: Some(1_000),
                    conversation_turn_count: 1,
                    agent_first_response_timestamp: Some(1_573_180_890.0),
                    agent_first_response_time_in_millis: Some(1_000),
                }),
                agent_metrics: None,
                customer_metrics: Some(ParticipantMetrics {
                    participant_id: "p-1".into(),
                    participant_type: "CUSTOMER".to_owned(),
                    messages_sent: 1,
                    num_responses: 1,
                    message_length_in_chars: 5,
                    total_response_time_in_millis: 900,
                    max_response_time_in_millis: 900,
                    last_message_timestamp: Some(1_573_180_888.172),
                }),
            }),
            attributes: BTreeMap::from([("plan".to_owned(), PRIVATE.to_owned())]),
            segment_attributes: segment_attributes(),
            tags: tags().tags,
        },
    }
}

pub(crate) fn described_new() -> DescribeContactResponse {
    let Contact { id, initiation_method, channel, initiation_timestamp, .. } = described().contact;
    DescribeContactResponse {
        contact: Contact {
            arn: None,
            id,
            initial_contact_id: None,
            previous_contact_id: None,
            contact_association_id: None,
            related_contact_id: None,
            initiation_method,
            channel,
            name: None,
            description: None,
            customer_id: None,
            queue_info: None,
            agent_info: None,
            initiation_timestamp,
            connected_to_system_timestamp: None,
            disconnect_timestamp: None,
            last_update_timestamp: initiation_timestamp,
            disconnect_reason: None,
            chat_metrics: None,
            attributes: BTreeMap::new(),
            segment_attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
        },
    }
}

pub(crate) fn start_by_page() -> StartChatRequest {
    StartChatRequest {
        instance_id: Some("in-1".into()),
        contact_flow_id: Some("f-1".into()),
        participant_details: ParticipantDetails { display_name: PRIVATE.to_owned() },
        supported_messaging_content_types: Some(vec![ContentType::TextPlain]),
        chat_duration_in_minutes: Some(1_500),
    }
}

pub(crate) fn started_by_page() -> StartChatAnswer {
    StartChatAnswer {
        data: StartChatData {
            start_chat_result: started_without_connection(),
            feature_permissions: BTreeMap::from([("MESSAGING_MARKDOWN".to_owned(), false)]),
        },
    }
}

pub(crate) fn metadata() -> MessageMetadata {
    MessageMetadata {
        message_id: Some("i-1".into()),
        receipts: Some(vec![
            Receipt {
                delivered_timestamp: Some(TIME.to_string().into()),
                read_timestamp: None,
                recipient_participant_id: Some("p-2".into()),
            },
            Receipt::default(),
        ]),
        chunk_number: Some(3),
        message_completed: Some(false),
        message_processing_status: Some("PROCESSING".into()),
    }
}

pub(crate) fn attachment() -> AttachmentItem {
    AttachmentItem {
        content_type: Some("image/png".into()),
        attachment_id: Some("a-1".into()),
        attachment_name: Some(PRIVATE.into()),
        status: Some("APPROVED".into()),
    }
}

/// A text message as the socket carries it, or, with `page`, as a transcript does.
pub(crate) fn text_item(page: bool) -> String {
    let metadata = MessageMetadata {
        message_id: Some("i-1".into()),
        receipts: Some(Vec::new()),
        ..MessageMetadata::default()
    };
    NewItem {
        absolute_time: Some(TIME),
        content: Some(&message().content),
        content_type: Some(&ContentType::TextPlain),
        id: Some("i-1"),
        item_type: Some(&ItemType::Message),
        participant_id: Some(&"p-1".into()),
        display_name: Some(PRIVATE),
        participant_role: Some(&ParticipantRole::Customer),
        message_metadata: page.then_some(&metadata),
        initial_contact_id: (!page).then_some(&"c-0".into()),
        contact_id: Some(&"c-1".into()),
        ..NewItem::default()
    }
    .to_text()
}

pub(crate) fn ended_item() -> String {
    NewItem {
        absolute_time: Some(TIME),
        content_type: Some(&ContentType::ChatEnded),
        id: Some("i-2"),
        item_type: Some(&ItemType::Event),
        initial_contact_id: Some(&"c-0".into()),
        contact_id: Some(&"c-1".into()),
        ..NewItem::default()
    }
    .to_text()
}

pub(crate) fn attachment_item() -> String {
    NewItem {
        absolute_time: Some(TIME),
        id: Some("i-3"),
        item_type: Some(&ItemType::Attachment),
        participant_id: Some(&"p-1".into()),
        display_name: Some(PRIVATE),
        participant_role: Some(&ParticipantRole::Agent),
        attachments: &[attachment()],
        related_contact_id: Some(&"c-9".into()),
        ..NewItem::default()
    }
    .to_text()
}

pub(crate) fn receipt_item() -> String {
    NewItem {
        absolute_time: Some(TIME),
        content_type: Some(&ContentType::MessageMetadata),
        id: Some("i-4"),
        item_type: Some(&ItemType::MessageMetadata),
        message_metadata: Some(&metadata()),
        initial_contact_id: Some(&"c-0".into()),
        contact_id: Some(&"c-1".into()),
        ..NewItem::default()
    }
    .to_text()
}

pub(crate) fn upload() -> StartAttachmentUploadRequest {
    StartAttachmentUploadRequest {
        content_type: "text/plain".to_owned(),
        attachment_size_in_bytes: 7,
        attachment_name: format!("{PRIVATE}.txt"),
        client_token: "c-3".to_owned(),
    }
}

pub(crate) fn upload_started() -> StartAttachmentUploadResponse {
    StartAttachmentUploadResponse {
        attachment_id: "a-1".into(),
        upload_metadata: UploadMetadata {
            url: format!("https://storage.example/put?signature={PRIVATE}"),
            url_expiry: Some(TIME.to_string()),
            headers_to_include: BTreeMap::from([
                ("Content-Type".to_owned(), "text/plain".to_owned()),
                ("x-amz-acl".to_owned(), PRIVATE.to_owned()),
            ]),
        },
    }
}

pub(crate) fn uploaded() -> CompleteAttachmentUploadRequest {
    CompleteAttachmentUploadRequest {
        attachment_ids: vec!["a-1".into()],
        client_token: "c-4".to_owned(),
    }
}

pub(crate) fn attachment_request() -> GetAttachmentRequest {
    GetAttachmentRequest {
        attachment_id: "a-1".into(),
        url_expiry_in_seconds: Some(60),
        url_content_disposition: Some(UrlContentDisposition::Inline),
    }
}

/// What ChatJS sends (docs/protocol/websocket.md S79).
pub(crate) fn attachment_request_of_chatjs() -> GetAttachmentRequest {
    GetAttachmentRequest {
        attachment_id: "a-1".into(),
        url_expiry_in_seconds: None,
        url_content_disposition: None,
    }
}

pub(crate) fn attachment_answer() -> GetAttachmentResponse {
    GetAttachmentResponse {
        url: format!("https://storage.example/get?signature={PRIVATE}"),
        url_expiry: Some(TIME.to_string()),
        attachment_size_in_bytes: Some(7),
    }
}

pub(crate) fn view() -> DescribeViewResponse {
    DescribeViewResponse {
        view: Some(View {
            id: Some("v-1:$LATEST".to_owned()),
            arn: Some("arn:aws:connect:us-west-2:1:instance/i-1/view/v-1".to_owned()),
            name: Some("Form".to_owned()),
            version: Some(3),
            content: Some(ViewContent {
                input_schema: Some(format!(r#"{{"title":"{PRIVATE}"}}"#)),
                template: Some(format!(r#"{{"Body":["{PRIVATE}"]}}"#)),
                actions: vec!["Submit".to_owned()],
            }),
        }),
    }
}

pub(crate) fn sign_in() -> GetAuthenticationUrlRequest {
    GetAuthenticationUrlRequest {
        session_id: format!("{PRIVATE}{}", "0".repeat(36 - PRIVATE.len())),
        redirect_uri: format!("https://shop.example/back?x={PRIVATE}"),
    }
}

pub(crate) fn sign_in_answer() -> GetAuthenticationUrlResponse {
    GetAuthenticationUrlResponse {
        authentication_url: Some(format!("https://id.example/?state={PRIVATE}")),
    }
}

pub(crate) fn no_sign_in() -> CancelParticipantAuthenticationRequest {
    CancelParticipantAuthenticationRequest { session_id: sign_in().session_id }
}
