//! DescribeContact (docs/protocol/participant-service.md §10.7).

use std::sync::Arc;

use chatloom_engine::{Chat, EndReason, Measures, Phase};
use chatloom_wire::{
    ContactId, ErrorKind, ServiceError, Timestamp,
    contact::{AgentInfo, Contact, DescribeContactResponse, QueueInfo, StateTransition},
};

use crate::http::{Answer, App, Call, json};

pub(in crate::http) async fn describe(app: Arc<App>, mut call: Call) -> Answer {
    app.signed_body(&mut call).await?;
    let contact = app.contact_in_path(&mut call).await?;
    let chat = app.chats.describe(&contact).await?;
    let measures = app.chats.measures(&chat.id).await?;
    match description(&chat, &contact, &measures, &app.config.instance.region) {
        Some(contact) => json(&DescribeContactResponse { contact }),
        None => Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact")),
    }
}

/// A contact of a chat, as the control plane describes it.
fn description(chat: &Chat, id: &ContactId, measures: &Measures, region: &str) -> Option<Contact> {
    let at = chat.contacts.iter().position(|contact| contact.id == *id)?;
    let contact = &chat.contacts[at];
    let before = at.checked_sub(1).and_then(|before| chat.contacts.get(before));
    // A contact that is not the last one ended when the next began, and nobody has ended the chat.
    let (ended, reason) = match (chat.contacts.get(at + 1), &chat.phase) {
        (Some(next), _) => (Some(next.started_at), Some(EndReason::Other)),
        (None, Phase::Ended { at, reason }) => (Some(*at), Some(*reason)),
        (None, _) => (None, None),
    };
    let record = &chat.record;
    Some(Contact {
        arn: Some(format!(
            "arn:aws:connect:{region}:000000000000:instance/{}/contact/{id}",
            chat.instance_id
        )),
        id: id.clone(),
        initial_contact_id: before.map(|_| chat.id.clone()),
        previous_contact_id: before.map(|before| before.id.clone()),
        contact_association_id: Some(chat.id.clone()),
        related_contact_id: chat.related.clone().filter(|_| before.is_none()),
        initiation_method: if at == 0 { "API" } else { "TRANSFER" }.to_owned(),
        channel: "CHAT".to_owned(),
        name: record.name.clone(),
        description: record.description.clone(),
        customer_id: record.customer_id.clone(),
        queue_info: contact.queued.as_ref().map(|(queue, since)| QueueInfo {
            id: queue.clone(),
            enqueue_timestamp: seconds(*since),
        }),
        agent_info: contact.agent.as_ref().map(|(agent, since)| AgentInfo {
            id: agent.clone(),
            accepted_by_agent_timestamp: Some(seconds(*since)),
            connected_to_agent_timestamp: seconds(*since),
            state_transitions: transitions(chat, id, measures, agent, *since, ended),
        }),
        initiation_timestamp: seconds(contact.started_at),
        // Whoever is handed on is there already.
        connected_to_system_timestamp: measures
            .connected_at(id)
            .or_else(|| before.map(|_| contact.started_at))
            .map(seconds),
        disconnect_timestamp: ended.map(seconds),
        last_update_timestamp: seconds(chat.updated_at),
        disconnect_reason: reason.map(|reason| reason.as_str().to_owned()),
        chat_metrics: Some(measures.of(chat, id, ended)),
        attributes: chat.attributes.iter().cloned().collect(),
        segment_attributes: record.segment_attributes.clone(),
        tags: record.tags.clone(),
    })
}

/// What an agent was to a contact: connected, and then not any more.
fn transitions(
    chat: &Chat,
    contact: &ContactId,
    measures: &Measures,
    user: &str,
    since: Timestamp,
    ended: Option<Timestamp>,
) -> Vec<StateTransition> {
    let agents =
        chat.participants.iter().filter(|participant| participant.user.as_deref() == Some(user));
    let left = agents.filter_map(|agent| measures.left_at(contact, &agent.id)).max().or(ended);
    let state = |state: &str, from: Timestamp, to: Option<Timestamp>| StateTransition {
        state: state.to_owned(),
        state_start_timestamp: seconds(from),
        state_end_timestamp: to.map(seconds),
    };
    let connected = state("CONNECTED", since, left);
    let disconnected = left.map(|left| state("DISCONNECTED", left, None));
    [Some(connected), disconnected].into_iter().flatten().collect()
}

fn seconds(time: Timestamp) -> f64 {
    time.as_millis() as f64 / 1000.0
}
