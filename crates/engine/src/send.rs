//! What participants say: messages, receipts, typing.

use chatloom_wire::{
    ContentType, ErrorKind, ParticipantId, ParticipantRole, Timestamp,
    participant::{SendEventRequest, SendMessageRequest},
};

use crate::{
    Answer, Answering, Audience, Chat, Decision, Draft, DraftBody, EndReason, EntryKind,
    Participant, Phase, Presence, Refusal, Reply, Rules,
    compose::{event, message, sender_of, text},
    entry::time_of_item,
    leave,
};

impl Rules {
    pub(crate) fn send_message(
        &self,
        now: Timestamp,
        chat: &Chat,
        sender: &Participant,
        request: &SendMessageRequest,
    ) -> Result<Decision, Refusal> {
        require_supported(&chat.content_types, &request.content_type, ErrorKind::Validation)?;
        let said = message(chat, sender, request.content_type.clone(), request.content.clone());
        let mut decision = Decision { entries: vec![said], ..Decision::nothing(Answer::Entry(0)) };
        if chat.phase != Phase::Assistant {
            return Ok(decision);
        }
        let flow = self.flow_of(chat);
        let (Answering::Script(script), Some(assistant)) = (&flow.assistant, chat.assistant())
        else {
            let waits = matches!(flow.assistant, Answering::CustomParticipant { .. })
                && (chat.waits_for_bot.is_some() || chat.custom_bot(now).is_some());
            if chat.bot().is_none() && !waits {
                // The server was started anew without its assistant.
                let mut after = chat.clone();
                if chat.closing().is_some() {
                    decision.entries.push(leave::end(now, &mut after, EndReason::Other));
                } else {
                    after.enqueue(now, flow.queue.clone());
                }
                decision.chat = Some(after);
            }
            return Ok(decision);
        };
        if chat.bot().is_some() || sender.role != ParticipantRole::Customer {
            return Ok(decision);
        }
        match script.reply(&request.content) {
            Reply::Text(answer) => decision.entries.push(text(chat, assistant, answer)),
            Reply::Handover(answer) => {
                decision.entries.push(text(chat, chat.system(), answer));
                let mut after = chat.clone();
                if let Some(assistant) = after.participant_mut(&assistant.id) {
                    assistant.presence = Presence::Left;
                }
                after.leave_closing();
                after.enqueue(now, flow.queue.clone());
                decision.chat = Some(after);
            }
        }
        Ok(decision)
    }

    pub(crate) fn send_event(
        &self,
        now: Timestamp,
        chat: &Chat,
        participant: &ParticipantId,
        request: &SendEventRequest,
    ) -> Result<Decision, Refusal> {
        if request.content_type == ContentType::ConnectionAcknowledged {
            // The former way to say ConnectParticipant (docs/protocol/participant-service.md §3.3).
            let decision = self.connect(now, chat, chat.admit(now, participant)?);
            let answer =
                if decision.entries.is_empty() { Answer::Accepted } else { Answer::Entry(0) };
            return Ok(Decision { answer, ..decision });
        }
        let sender = chat.admit_joined(now, participant)?;
        if request.content_type == ContentType::Typing {
            return Ok(Decision {
                transient: vec![event(chat, Some(sender), ContentType::Typing)],
                ..Decision::nothing(Answer::Transient(0))
            });
        }
        if !request.content_type.is_receipt() {
            return Err(Refusal::new(
                ErrorKind::Validation,
                format!("ContentType: {} is no event that participants send", request.content_type),
            ));
        }
        let about = request.receipt_message_id().ok_or_else(|| {
            Refusal::new(ErrorKind::Validation, "Content: a receipt must name its messageId")
        })?;
        // Receipts work between two people only (docs/protocol/participant-service.md §9). What is
        // no item of ours can have no receipt.
        if chat.present().count() != 2 || time_of_item(&about).is_none() {
            return Ok(Decision::nothing(Answer::Accepted));
        }
        let receipt = Draft {
            kind: EntryKind::Receipt,
            audience: Audience::All,
            contact_id: chat.current_contact().id.clone(),
            about: Some(about),
            sender: Some(sender_of(sender)),
            body: DraftBody::Receipt { read: request.content_type == ContentType::MessageRead },
        };
        Ok(Decision { entries: vec![receipt], ..Decision::nothing(Answer::Entry(0)) })
    }
}

/// Plain text is always supported (docs/protocol/participant-service.md §5.1).
pub(crate) fn require_supported(
    supported: &[ContentType],
    content_type: &ContentType,
    kind: ErrorKind,
) -> Result<(), Refusal> {
    if *content_type == ContentType::TextPlain || supported.contains(content_type) {
        return Ok(());
    }
    Err(Refusal::new(
        kind,
        format!(
            "ContentType: {content_type} is not among the SupportedMessagingContentTypes of this chat"
        ),
    ))
}
