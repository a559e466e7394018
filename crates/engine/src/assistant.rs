//! A scripted assistant: looks for words, answers with texts.

use chatloom_wire::participant::MAX_CONTENT_BYTES;
use serde::{Deserialize, Serialize};

/// Answers customers by a script until one asks for an agent.
///
/// A script is data: it can be read from a configuration file. Members that are left out are those
/// of [`Assistant::default`]; unknown ones are refused.
///
/// ```
/// use chatloom_engine::{Assistant, Reply};
///
/// let assistant = Assistant::default();
/// assert!(matches!(assistant.reply("When are you OPEN?"), Reply::Text(text) if text.contains("9:00")));
/// assert!(matches!(assistant.reply("an Agent, please!"), Reply::Handover(_)));
/// // Words, not letters: a travel agency is no agent.
/// assert!(matches!(assistant.reply("agency"), Reply::Text(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assistant {
    /// The name customers see, 1 to 256 characters.
    pub name: String,
    /// What it says first.
    pub greeting: String,
    /// What it knows. The first answer with a word of the message is given.
    pub answers: Vec<ScriptedAnswer>,
    /// What it says when no answer fits.
    pub fallback: String,
    /// When it hands over to the queue, and what the customer is told then. Comes before all answers.
    pub handover: ScriptedAnswer,
}

/// A text and the words that call for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedAnswer {
    /// Any of these words, whatever their case.
    pub words: Vec<String>,
    /// The answer, 1 to 16,384 bytes.
    pub text: String,
}

/// What an assistant does about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// It says this.
    Text(&'a str),
    /// It says this and hands over to the queue.
    Handover(&'a str),
}

/// Why a script cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("assistant: {member} must be {rule}")]
pub struct InvalidScript {
    /// Which member.
    pub member: &'static str,
    /// What it must be.
    pub rule: &'static str,
}

impl Default for Assistant {
    /// The script of the demo: opening hours, orders, help.
    fn default() -> Self {
        let answer = |words: &[&str], text: &str| ScriptedAnswer {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            text: text.to_owned(),
        };
        Self {
            name: "BOT".to_owned(),
            greeting: "Hello! I am the assistant of this demo. Ask me about opening hours or an \
                       order, or write \"agent\" to talk to a person."
                .to_owned(),
            answers: vec![
                answer(
                    &["hours", "open", "opening", "closed", "when"],
                    "We are here Monday to Friday from 9:00 to 18:00.",
                ),
                answer(
                    &["order", "orders", "delivery", "parcel", "package"],
                    "Orders leave our warehouse within two days. An agent can look up yours: write \
                     \"agent\".",
                ),
                answer(
                    &["help", "hello", "hi", "hey"],
                    "I can tell you our opening hours and how orders work. Write \"agent\" to talk \
                     to a person.",
                ),
                answer(&["thanks", "thank"], "You are welcome!"),
            ],
            fallback: "I did not understand that. I know about opening hours and orders; write \
                       \"agent\" and a person takes over."
                .to_owned(),
            handover: answer(
                &["agent"],
                "I am getting you an agent. You can go on writing meanwhile; the agent will read \
                 everything.",
            ),
        }
    }
}

impl Assistant {
    /// What to do about a message.
    pub fn reply(&self, message: &str) -> Reply<'_> {
        if self.handover.is_called_for(message) {
            return Reply::Handover(&self.handover.text);
        }
        let answer = self.answers.iter().find(|answer| answer.is_called_for(message));
        Reply::Text(answer.map_or(&self.fallback, |answer| &answer.text))
    }

    /// Checks that every text can be sent as a message and that handing over is possible.
    pub fn check(&self) -> Result<(), InvalidScript> {
        let fits = |text: &str| (1..=MAX_CONTENT_BYTES).contains(&text.len());
        let require = |holds: bool, member, rule| {
            if holds { Ok(()) } else { Err(InvalidScript { member, rule }) }
        };
        let text_rule = "1 to 16,384 bytes";
        require((1..=256).contains(&self.name.chars().count()), "name", "1 to 256 characters")?;
        require(fits(&self.greeting), "greeting", text_rule)?;
        require(fits(&self.fallback), "fallback", text_rule)?;
        require(fits(&self.handover.text), "handover.text", text_rule)?;
        require(
            !self.handover.words.is_empty(),
            "handover.words",
            "one word or more, or nobody ever reaches an agent",
        )?;
        require(self.answers.iter().all(|answer| fits(&answer.text)), "answers.text", text_rule)
    }
}

impl ScriptedAnswer {
    fn is_called_for(&self, message: &str) -> bool {
        words(message).any(|said| self.words.iter().any(|word| same_word(word, said)))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn same_word(a: &str, b: &str) -> bool {
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_over_on_the_word_and_only_on_the_word() {
        let assistant = Assistant::default();
        for (message, hands_over) in [
            ("agent", true),
            ("AGENT!", true),
            ("may I have an Agent?", true),
            ("order\nagent", true),
            ("agents", false),
            ("reagent", false),
            ("agent007", false),
            ("", false),
            ("…", false),
        ] {
            let reply = assistant.reply(message);
            assert_eq!(matches!(reply, Reply::Handover(_)), hands_over, "{message}: {reply:?}");
        }
    }

    #[test]
    fn case_folds_beyond_ascii() {
        let assistant = Assistant {
            answers: vec![ScriptedAnswer { words: vec!["Öffnung".into()], text: "9".into() }],
            ..Assistant::default()
        };
        assert_eq!(assistant.reply("ÖFFNUNG?"), Reply::Text("9"));
    }

    #[test]
    fn falls_back_with_the_way_to_a_person() {
        let assistant = Assistant::default();
        let Reply::Text(text) = assistant.reply("quux") else {
            panic!("no handover was asked for")
        };
        assert_eq!(text, assistant.fallback);
        assert!(matches!(assistant.reply(text), Reply::Handover(_)), "the fallback names the word");
    }

    #[test]
    fn a_script_reads_with_defaults_and_refuses_unknown_members() {
        let script: Assistant = serde_json::from_str(r#"{"name":"Robo"}"#).unwrap();
        assert_eq!(script, Assistant { name: "Robo".into(), ..Assistant::default() });
        assert!(serde_json::from_str::<Assistant>(r#"{"nmae":"Robo"}"#).is_err());
    }

    #[test]
    fn unusable_scripts_are_named() {
        type Spoil = fn(&mut Assistant);
        assert_eq!(Assistant::default().check(), Ok(()));
        let cases: [(&str, Spoil); 6] = [
            ("name", |script| script.name.clear()),
            ("greeting", |script| script.greeting.clear()),
            ("fallback", |script| script.fallback = "x".repeat(MAX_CONTENT_BYTES + 1)),
            ("handover.text", |script| script.handover.text.clear()),
            ("handover.words", |script| script.handover.words.clear()),
            ("answers.text", |script| script.answers[0].text.clear()),
        ];
        for (member, spoil) in cases {
            let mut script = Assistant::default();
            spoil(&mut script);
            assert_eq!(script.check().unwrap_err().member, member);
        }
    }
}
