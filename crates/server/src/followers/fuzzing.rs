//! A fuzz target for what bots answer.

use std::sync::{Arc, OnceLock};

use chatloom_engine::{BotAction, Chat, Rules, StartChat, token};
use chatloom_wire::{
    ContentType, Timestamp, interactive::Interactive, json, participant::MAX_CONTENT_BYTES,
};

use super::{
    Guides,
    protocol::{self, Actor, Chunk, Reply},
};
use crate::{config::Config, views::Views};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

/// A chat that takes little and one that takes all.
fn chats() -> &'static [Chat; 2] {
    static CHATS: OnceLock<[Chat; 2]> = OnceLock::new();
    CHATS.get_or_init(|| {
        [
            r#"["text/plain"]"#,
            r#"["text/plain","text/markdown","application/json",
                "application/vnd.amazonaws.connect.message.interactive",
                "application/vnd.amazonaws.connect.message.interactive.response"]"#,
        ]
        .map(|types| {
            let request = json::read(&format!(
                r#"{{"InstanceId":"i","ContactFlowId":"f","ParticipantDetails":{{"DisplayName":
                "Jane"}},"SupportedMessagingContentTypes":{types}}}"#
            ));
            let start = StartChat {
                contact_id: "chat".into(),
                participant_id: "customer".into(),
                system_id: "system".into(),
                assistant_id: "assistant".into(),
                request: request.expect("a request"),
            };
            Rules::new("default").start(NOW, start).expect("nothing is wrong with it")
        })
    })
}

/// Those of a demo, and none.
fn guides() -> &'static [Guides; 2] {
    static GUIDES: OnceLock<[Guides; 2]> = OnceLock::new();
    GUIDES.get_or_init(|| {
        [Views::load(&Config::demo()).expect("a demo has a view"), Views::default()].map(|views| {
            let tokens = token::Keys::new(&[7; 32]).expect("a secret of 32 bytes");
            Guides { views: Arc::new(views), tokens: Arc::new(tokens) }
        })
    })
}

/// A bot's answer, for a chat that takes little and for one that takes all: what is taken of it can be
/// done in the chat.
pub fn bot_answer(data: &[u8]) {
    for (chat, guides) in chats().iter().flat_map(|chat| guides().each_ref().map(|it| (chat, it))) {
        let supported = &chat.content_types;
        if let Ok(chunk) = protocol::read::<Chunk>("a chunk", data)
            && let Ok(taken) = protocol::text_type(chunk.content_type.as_deref(), supported)
        {
            assert!(supported.contains(&taken), "{taken:?} is supported");
        }
        let has_sign_in = !guides.views.is_empty();
        let actor = Actor { chat, guides, has_sign_in, now: NOW };
        let reply = protocol::read::<Reply>("the answer", data).map(|reply| reply.actions);
        let one = protocol::read("an action", data).map(|action| vec![action]);
        for actions in [reply, one].into_iter().flatten() {
            assert!(data.trim_ascii_start().starts_with(b"{"), "it is an object");
            let count = actions.len();
            let Ok(taken) = protocol::actions(actions, &actor) else { continue };
            assert_eq!(taken.len(), count, "all or nothing");
            for action in &taken {
                can_be_done(action, &actor);
            }
        }
    }
}

fn can_be_done(action: &BotAction, actor: &Actor<'_>) {
    match action {
        BotAction::Say { content_type, content, streamed } => {
            assert!(actor.chat.content_types.contains(content_type), "{content_type:?} is taken");
            assert!((1..=MAX_CONTENT_BYTES).contains(&content.len()), "{} bytes", content.len());
            assert!(streamed.is_none(), "it comes at once");
            if *content_type == ContentType::Interactive {
                let message = Interactive::read(content);
                assert!(!matches!(message, Interactive::Other(_)), "clients know the template");
                assert_eq!(message.check(), Ok(()), "clients can show it");
            }
        }
        BotAction::Authenticate { session, minutes } => {
            assert!(actor.has_sign_in && session.len() == 36 && (3..=15).contains(minutes));
        }
        BotAction::Handover { .. } | BotAction::End => {}
    }
}
