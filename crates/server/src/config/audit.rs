//! Where control-plane calls are written down.

use std::path::PathBuf;

use super::section::{Check, section};

section! {
    /// Who did what by the control plane. Each signed call is a line in the log, target `audit`.
    pub struct AuditSection {
        /// A file that gets the same lines, one JSON object each. Move it away to begin a new one.
        pub file: Option<PathBuf> = None,
        /// Whether each line is on the disk before its call is answered. Without it, lines outlive the
        /// death of the server, and the last seconds are gone when the power fails.
        pub sync: bool = false,
    }
}

impl Check for AuditSection {}
