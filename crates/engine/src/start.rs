//! How a chat begins.

use chatloom_wire::{ContentType, ErrorKind, ParticipantRole, Timestamp};

use crate::{
    Chat, Contact, Participant, Phase, Presence, Record, Refusal, Rules, StartChat, Timers, limits,
    send::require_supported,
};

impl Rules {
    /// A new chat. It has no entries before the customer connects.
    ///
    /// Refused with `InvalidRequestException` when the first message is of a type that the chat does
    /// not support.
    pub fn start(&self, now: Timestamp, start: StartChat) -> Result<Chat, Refusal> {
        let StartChat { contact_id, participant_id, system_id, assistant_id, request } = start;
        let content_types = request
            .supported_messaging_content_types
            .unwrap_or_else(|| vec![ContentType::TextPlain]);
        let initial_message =
            request.initial_message.map(|message| (message.content_type, message.content));
        if let Some((content_type, _)) = &initial_message {
            require_supported(&content_types, content_type, ErrorKind::InvalidRequest)?;
        }
        let name = request.participant_details.display_name;
        let customer = Participant {
            id: participant_id,
            role: ParticipantRole::Customer,
            // A customer without a name is shown like this (§13).
            name: if name.trim().is_empty() { "CUSTOMER".to_owned() } else { name },
            user: None,
            presence: Presence::Expected,
        };
        let speaker = |id, name: &str| Participant {
            id,
            role: ParticipantRole::System,
            name: name.to_owned(),
            user: None,
            presence: Presence::Joined,
        };
        let mut participants = vec![customer, speaker(system_id, "SYSTEM_MESSAGE")];
        let flow = self.flow(&request.contact_flow_id);
        if let Some(name) = flow.assistant.display_name() {
            participants.push(speaker(assistant_id, name));
        } else if let Some(last) = &flow.disconnect
            && let Some(name) = self.flow(&last.flow).assistant.display_name()
        {
            let later = Presence::Expected;
            participants.push(Participant { presence: later, ..speaker(assistant_id, name) });
        }
        Ok(Chat {
            id: contact_id.clone(),
            instance_id: request.instance_id,
            contact_flow_id: request.contact_flow_id,
            contacts: vec![Contact {
                id: contact_id,
                started_at: now,
                queued: None,
                agent: None,
                handed_on: None,
            }],
            participants,
            content_types,
            attributes: request.attributes.into_iter().collect(),
            phase: Phase::Started { connect_by: now.plus_millis(limits::CONNECT_WITHIN_MS) },
            started_at: now,
            ends_at: now.plus_millis(limits::duration_ms(request.chat_duration_in_minutes)),
            initial_message,
            attachments: Vec::new(),
            updated_at: now,
            timers: Timers::default(),
            record: Record {
                segment_attributes: request.segment_attributes,
                customer_id: request.customer_id,
                response_mode: request
                    .participant_configuration
                    .and_then(|configuration| configuration.response_mode),
                ..Record::default()
            },
            past: None,
            related: request.related_contact_id,
            agents_leave_with_customer: request.disconnect_on_customer_exit.is_some(),
            followers: Vec::new(),
            custom_bot: None,
            sign_in: None,
            waits_for_bot: None,
            closing: None,
        })
    }
}
