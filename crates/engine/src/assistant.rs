//! A scripted assistant.

/// Answers customers by a script until one asks for an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assistant {
    /// The name customers see.
    pub name: String,
    /// What it says first.
    pub greeting: String,
}
