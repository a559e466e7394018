//! DescribeContact (docs/protocol/participant-service.md §10.7).

use std::sync::Arc;

use axum::{extract::FromRequestParts, extract::Path};
use chatloom_engine::{Chat, Phase};
use chatloom_wire::{
    ContactId, ErrorKind, ServiceError, Timestamp,
    contact::{AgentInfo, Contact, DescribeContactResponse, QueueInfo},
};

use crate::http::{Answer, App, Call, json};

pub(in crate::http) async fn describe(app: Arc<App>, mut call: Call) -> Answer {
    app.signed_body(&mut call).await?;
    let path = Path::<(String, String)>::from_request_parts(&mut call.parts, &()).await;
    let Ok(Path((instance, contact))) = path else {
        return Err(ServiceError::new(ErrorKind::InvalidRequest, "The path is not UTF-8"));
    };
    app.check_instance(&instance.into())?;
    let contact = ContactId::from(contact);
    let chat = app.chats.describe(&contact).await?;
    match description(&chat, &contact, &app.config.instance.region) {
        Some(contact) => json(&DescribeContactResponse { contact }),
        None => Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact")),
    }
}

/// A contact of a chat, as the control plane describes it.
fn description(chat: &Chat, id: &ContactId, region: &str) -> Option<Contact> {
    let at = chat.contacts.iter().position(|contact| contact.id == *id)?;
    let contact = &chat.contacts[at];
    // A contact that is not the last one ended when the next began.
    let (ended, reason) = match (chat.contacts.get(at + 1), &chat.phase) {
        (Some(next), _) => (Some(next.started_at), None),
        (None, Phase::Ended { at, reason }) => (Some(*at), Some(*reason)),
        (None, _) => (None, None),
    };
    Some(Contact {
        arn: Some(format!(
            "arn:aws:connect:{region}:000000000000:instance/{}/contact/{id}",
            chat.instance_id
        )),
        id: id.clone(),
        initial_contact_id: (at > 0).then(|| chat.id.clone()),
        initiation_method: if at == 0 { "API" } else { "TRANSFER" }.to_owned(),
        channel: "CHAT".to_owned(),
        name: Some(chat.customer().name.clone()),
        queue_info: contact.queued.as_ref().map(|(queue, since)| QueueInfo {
            id: queue.clone(),
            enqueue_timestamp: seconds(*since),
        }),
        agent_info: contact.agent.as_ref().map(|(agent, since)| AgentInfo {
            id: agent.clone(),
            connected_to_agent_timestamp: seconds(*since),
        }),
        initiation_timestamp: seconds(contact.started_at),
        disconnect_timestamp: ended.map(seconds),
        last_update_timestamp: seconds(chat.updated_at),
        disconnect_reason: reason.map(|reason| reason.as_str().to_owned()),
        attributes: chat.attributes.iter().cloned().collect(),
    })
}

fn seconds(time: Timestamp) -> f64 {
    time.as_millis() as f64 / 1000.0
}
