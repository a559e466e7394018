//! Figures about the server.

use super::{
    Secret,
    section::{Check, section},
};

section! {
    /// Figures about the server at `/metrics`, for loopback or with a token.
    pub struct MetricsSection {
        /// What others than loopback show as `Authorization: Bearer <token>`.
        pub token: Option<Secret> = None,
    }
}

impl Check for MetricsSection {}
