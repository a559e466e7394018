//! The control plane (docs/protocol/participant-service.md §10), for back ends with an access key.

use std::sync::Arc;

use axum::{extract::FromRequestParts, extract::Path};
use bytes::Bytes;
use chatloom_engine::{
    Chat, Phase,
    token::{Seat, SeatUse},
};
use chatloom_wire::{
    ContactFlowId, ContactId, ErrorKind, InstanceId, ParticipantRole, ServiceError, Timestamp,
    contact::{
        AgentInfo, Contact, DescribeContactResponse, QueueInfo, StartChatContactRequest,
        StartChatContactResponse, StopContactRequest,
    },
    participant::{CreateParticipantConnectionResponse, Empty},
};

use super::{
    Answer, App, Call, error, json, parse,
    participant::{no_voice, too_long},
    sigv4::{self, Signed},
    url::PublicBase,
};

pub(super) async fn start_chat(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: StartChatContactRequest = parse(&body).map_err(error::for_control_plane)?;
    let base = app.public_base(&call).map_err(error::for_control_plane)?;
    json(&app.start(request, &base).await?)
}

pub(super) async fn stop(app: Arc<App>, mut call: Call) -> Answer {
    let body = app.signed_body(&mut call).await?;
    let request: StopContactRequest = parse(&body).map_err(error::for_control_plane)?;
    request.check().map_err(|invalid| error::for_control_plane(error::invalid(&invalid)))?;
    app.check_instance(&request.instance_id)?;
    app.chats.stop(&request.contact_id).await?;
    json(&Empty {})
}

pub(super) async fn describe(app: Arc<App>, mut call: Call) -> Answer {
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

impl App {
    /// The body of a request that is signed with one of our keys.
    async fn signed_body(&self, call: &mut Call) -> Result<Bytes, ServiceError> {
        let body = call.body(self.config.http.max_control_body).await?;
        let request = Signed {
            method: &call.parts.method,
            uri: &call.parts.uri,
            headers: &call.parts.headers,
            body: &body,
        };
        let region = &self.config.instance.region;
        sigv4::verify(&request, &self.keys.access, region, self.now()).inspect_err(|error| {
            tracing::debug!(error = error.kind.name(), "a signature was refused");
        })?;
        Ok(body)
    }

    fn check_instance(&self, instance: &InstanceId) -> Result<(), ServiceError> {
        // SDKs may name an instance by its ARN.
        let id =
            instance.as_str().rsplit_once(":instance/").map_or(instance.as_str(), |(_, id)| id);
        if id == self.config.instance.id {
            return Ok(());
        }
        Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such instance here"))
    }

    fn check_flow(&self, flow: &ContactFlowId) -> Result<(), ServiceError> {
        let id = flow.as_str().rsplit_once("/contact-flow/").map_or(flow.as_str(), |(_, id)| id);
        if self.config.instance.contact_flows.iter().any(|known| known == id) {
            return Ok(());
        }
        Err(ServiceError::new(ErrorKind::ResourceNotFound, "There is no such contact flow here"))
    }

    /// Starts a chat and gives its customer what they need.
    pub(super) async fn start(
        &self,
        request: StartChatContactRequest,
        base: &PublicBase,
    ) -> Result<StartChatContactResponse, ServiceError> {
        request.check().map_err(|invalid| error::for_control_plane(error::invalid(&invalid)))?;
        self.check_instance(&request.instance_id)?;
        self.check_flow(&request.contact_flow_id)?;
        let types = request.connection_types.clone().unwrap_or_default();
        no_voice(&types).map_err(error::for_control_plane)?;

        let chat = self.chats.start(request).await?;
        let seat = Seat {
            chat: chat.id.clone(),
            participant: chat.customer().id.clone(),
            role: ParticipantRole::Customer,
        };
        let token = self.tokens.mint_seat(SeatUse::Participant, &seat, chat.ends_at);
        // A repeat may come after the end of its chat.
        let connection = if chat.is_over() {
            CreateParticipantConnectionResponse::default()
        } else {
            self.connection(&seat, &types, base).map_err(error::for_control_plane)?
        };
        Ok(StartChatContactResponse {
            contact_id: chat.id.clone(),
            participant_id: seat.participant,
            participant_token: token.map_err(too_long)?.into(),
            connection_credentials: connection.connection_credentials,
            websocket: connection.websocket,
        })
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
