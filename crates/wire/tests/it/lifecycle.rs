//! Requests about the life of a chat: timers, chats that continue others
//! (docs/protocol/participant-service.md §10.1, §10.6, §10.10).

use chatloom_wire::{
    ParticipantRole,
    contact::{
        CreatePersistentContactAssociation, CreatePersistentContactAssociationRequest,
        CreatePersistentContactAssociationResponse, PersistentChat, RehydrationType,
        StartChatContactRequest, UpdateParticipantRoleConfig, UpdateParticipantRoleConfigRequest,
    },
    participant::Operation,
};
use serde_json::{Value, json};

use crate::samples;

#[test]
fn operations_have_their_places() {
    fn place<O: Operation>() -> String {
        format!("{} {} {}", O::NAME, O::METHOD, O::PATH)
    }
    assert_eq!(
        place::<UpdateParticipantRoleConfig>(),
        "UpdateParticipantRoleConfig PUT /contact/participant-role-config/{InstanceId}/{ContactId}"
    );
    assert_eq!(
        place::<CreatePersistentContactAssociation>(),
        "CreatePersistentContactAssociation POST \
         /contact/persistent-contact-association/{InstanceId}/{InitialContactId}"
    );
}

fn timers(list: &Value) -> Result<usize, &'static str> {
    let text =
        json!({ "ChannelConfiguration": { "Chat": { "ParticipantTimerConfigList": list } } });
    let request: UpdateParticipantRoleConfigRequest = serde_json::from_value(text.clone()).unwrap();
    assert_eq!(serde_json::to_value(&request).unwrap(), text, "written as it was read");
    request.checked().map(|timers| timers.len()).map_err(|invalid| invalid.member)
}

fn timer(role: &str, kind: &str, value: &Value) -> Value {
    json!({ "ParticipantRole": role, "TimerType": kind, "TimerValue": value })
}

#[test]
fn timers_at_their_edges() {
    const LIST: &str = "ChannelConfiguration.Chat.ParticipantTimerConfigList";
    const MINUTES: &str = "ParticipantTimerDurationInMinutes";
    let minutes = |minutes: i64| json!({ "ParticipantTimerDurationInMinutes": minutes });
    let unset = json!({ "ParticipantTimerAction": "Unset" });
    let one = |value: &Value| timers(&json!([timer("AGENT", "IDLE", value)]));
    assert_eq!(one(&minutes(1)), Err(MINUTES));
    assert_eq!(one(&minutes(2)), Ok(1));
    assert_eq!(one(&minutes(480)), Ok(1));
    assert_eq!(one(&minutes(481)), Err(MINUTES));
    assert_eq!(one(&minutes(-2)), Err(MINUTES));
    assert_eq!(one(&unset), Ok(1));
    assert_eq!(one(&json!({ "ParticipantTimerAction": "unset" })), Err("ParticipantTimerAction"));
    assert_eq!(one(&json!({})), Err("TimerValue"));
    let both = json!({ "ParticipantTimerAction": "Unset", "ParticipantTimerDurationInMinutes": 2 });
    assert_eq!(one(&both), Err("TimerValue"));
    let of = |role, kind| timers(&json!([timer(role, kind, &unset)]));
    assert_eq!(of("CUSTOMER", "DISCONNECT_NONCUSTOMER"), Ok(1));
    assert_eq!(of("SYSTEM", "IDLE"), Err("ParticipantRole"));
    assert_eq!(of("AGENT", "DISCONNECT"), Err("TimerType"));
    let all = json!([
        timer("AGENT", "IDLE", &unset),
        timer("CUSTOMER", "IDLE", &unset),
        timer("AGENT", "DISCONNECT_NONCUSTOMER", &unset),
        timer("CUSTOMER", "DISCONNECT_NONCUSTOMER", &minutes(3)),
    ]);
    assert_eq!(timers(&all), Ok(4));
    assert_eq!(timers(&json!([])), Err(LIST));
    assert_eq!(timers(&json!(vec![timer("AGENT", "IDLE", &unset); 7])), Err(LIST));
    let twice = json!([timer("AGENT", "IDLE", &unset), timer("AGENT", "IDLE", &minutes(3))]);
    assert_eq!(timers(&twice), Err(LIST));
    let nothing: UpdateParticipantRoleConfigRequest =
        serde_json::from_value(json!({ "ChannelConfiguration": {} })).unwrap();
    assert_eq!(nothing.checked().unwrap_err().member, "ChannelConfiguration");
}

#[test]
fn a_chat_continues_one_or_is_linked_to_one() {
    let start = |change: &dyn Fn(&mut StartChatContactRequest)| {
        let mut request = samples::start();
        change(&mut request);
        request.check().map_err(|invalid| invalid.member)
    };
    let source = |kind: RehydrationType, id: &str| {
        Some(PersistentChat { rehydration_type: kind, source_contact_id: id.into() })
    };
    let persistent = |kind: RehydrationType, id: &str| {
        let source = source(kind, id);
        start(&|request| request.persistent_chat = source.clone())
    };
    assert_eq!(persistent(RehydrationType::EntirePastSession, "c"), Ok(()));
    assert_eq!(persistent(RehydrationType::FromSegment, &"c".repeat(256)), Ok(()));
    assert_eq!(persistent(RehydrationType::FromSegment, &"c".repeat(257)), Err("SourceContactId"));
    assert_eq!(persistent(RehydrationType::FromSegment, ""), Err("SourceContactId"));
    assert_eq!(persistent("SOME".into(), "c"), Err("RehydrationType"));
    let related = |id: &str, alone: bool| {
        start(&|request| {
            request.related_contact_id = Some(id.into());
            if alone {
                request.persistent_chat = None;
            }
        })
    };
    assert_eq!(related("c", true), Ok(()));
    assert_eq!(related("", true), Err("RelatedContactId"));
    assert_eq!(related(&"c".repeat(257), true), Err("RelatedContactId"));
    assert_eq!(related("c", false), Err("RelatedContactId"), "not both");
    let exit = |roles: Vec<ParticipantRole>| {
        start(&|request| request.disconnect_on_customer_exit = Some(roles.clone()))
    };
    assert_eq!(exit(vec![ParticipantRole::Agent]), Ok(()));
    for roles in [vec![], vec![ParticipantRole::Customer], vec![ParticipantRole::Agent; 2]] {
        assert_eq!(exit(roles), Err("DisconnectOnCustomerExit"));
    }
}

#[test]
fn an_association_has_its_form() {
    let text = json!({
        "RehydrationType": "FROM_SEGMENT", "SourceContactId": "c-9", "ClientToken": "t",
    });
    let request: CreatePersistentContactAssociationRequest =
        serde_json::from_value(text.clone()).unwrap();
    assert_eq!(request.source.rehydration_type, RehydrationType::FromSegment);
    assert_eq!(serde_json::to_value(&request).unwrap(), text);
    request.check().unwrap();
    let long = CreatePersistentContactAssociationRequest {
        client_token: Some("t".repeat(501)),
        ..request
    };
    assert_eq!(long.check().unwrap_err().member, "ClientToken");
    let answer =
        CreatePersistentContactAssociationResponse { continued_from_contact_id: "c-9".into() };
    assert_eq!(serde_json::to_value(&answer).unwrap(), json!({ "ContinuedFromContactId": "c-9" }));
}
