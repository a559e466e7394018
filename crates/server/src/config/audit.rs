//! Where control-plane calls are written down.

use std::path::PathBuf;

use super::section::{Check, section};

section! {
    /// Who did what by the control plane. Each signed call is a line in the log, target `audit`.
    pub struct AuditSection {
        /// A file that gets the same lines, one JSON object each. Move it away to begin a new one.
        pub file: Option<PathBuf> = None,
    }
}

impl Check for AuditSection {}
