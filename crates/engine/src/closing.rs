//! What a customer goes on with when the agents have left: the disconnect flow
//! (docs/protocol/participant-service.md §12.2, §12.3).
//!
//! It says something, and the chat ends; or an assistant asks the customer something first and ends the
//! chat, or hands over to the queue once more. It has its time, so that nobody is asked for ever.

use chatloom_wire::{ContactFlowId, ParticipantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Chat, Draft, EndReason, Flow, Phase, Rules, compose::text, leave, limits};

/// A disconnect flow that a chat is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The flow.
    pub flow: ContactFlowId,
    /// Who left last: that is what began it.
    pub leaver: ParticipantId,
    /// Why the conversation ended, and so the chat.
    pub reason: EndReason,
    /// When the chat would have ended at the latest.
    pub ends_at: Timestamp,
}

impl Chat {
    /// The disconnect flow that the customer is in.
    pub fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref().filter(|_| self.phase == Phase::Assistant)
    }

    /// The flow that the chat is in.
    pub fn present_flow(&self) -> &ContactFlowId {
        self.closing().map_or(&self.contact_flow_id, |closing| &closing.flow)
    }

    /// The customer is handed over to the queue: the chat has the time again that it had.
    pub(crate) fn leave_closing(&mut self) {
        if let Some(closing) = self.closing.take() {
            self.ends_at = closing.ends_at;
        }
    }
}

impl Rules {
    /// What the present flow of a chat does.
    pub(crate) fn flow_of(&self, chat: &Chat) -> &Flow {
        self.flow(chat.present_flow())
    }

    /// The queue that an assistant hands a chat over to if it names none: of its flow, or, in a disconnect
    /// flow, the one that the flow of the chat has for that.
    pub(crate) fn queue_of(&self, chat: &Chat) -> &str {
        let disconnect = self.flow(&chat.contact_flow_id).disconnect.as_ref();
        let closing = chat.closing().zip(disconnect);
        // The configuration may have another one by now.
        let closing = closing.filter(|(closing, disconnect)| closing.flow == disconnect.flow);
        closing.map_or(&self.flow_of(chat).queue, |(_, disconnect)| &disconnect.queue)
    }

    /// Nobody but the customer is there any more since `leaver` left: the disconnect flow begins, or
    /// the chat ends.
    pub(crate) fn close(
        &self,
        now: Timestamp,
        after: &mut Chat,
        leaver: &ParticipantId,
        reason: EndReason,
        entries: &mut Vec<Draft>,
    ) {
        // As many agents as a chat may have would leave nobody to hand over to.
        let may_go_on = after.agents() + limits::TRANSFERS_OF_CHAT < limits::AGENTS_OF_CHAT;
        let disconnect = self.flow(&after.contact_flow_id).disconnect.as_ref();
        if let Some(disconnect) = disconnect.filter(|_| may_go_on) {
            let flow = self.flow(&disconnect.flow);
            let ends_at = after.ends_at;
            if after.begin_assistant(flow, entries) {
                after.closing = Some(Closing {
                    flow: disconnect.flow.clone(),
                    leaver: leaver.clone(),
                    reason,
                    ends_at,
                });
                after.ends_at = ends_at.min(now.plus_millis(disconnect.within_ms));
                after.updated_at = now;
                return;
            }
            entries.extend(flow.greeting.as_ref().map(|words| text(after, after.system(), words)));
        }
        entries.push(leave::end(now, after, reason));
    }
}
