//! Where the views of step-by-step guides are.

use std::path::PathBuf;

use super::section::{Check, section};

section! {
    /// Views that flows, bots and back ends show to customers.
    pub struct ViewsSection {
        /// Folder of `*.json` files, each a view with `Id`, `Name`, `Version` and `Content`. They are
        /// read and checked when the server starts, and not again.
        pub folder: Option<PathBuf> = None,
    }
}

impl Check for ViewsSection {}
