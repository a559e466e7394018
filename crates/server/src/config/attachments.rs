//! Files.

use chatloom_engine::media;

use crate::files::ScannerUrl;

use super::{
    Config, ConfigError, Period, Secret, Size,
    section::{Check, section},
};

section! {
    /// Files that participants send each other.
    pub struct AttachmentsSection {
        /// The largest file that is taken, 1MiB to 100MiB; a larger one answers 402.
        pub max_size: Size = Size::kib(20 * 1024),
        /// MIME types that are taken besides those of Amazon Connect, such as `image/gif`.
        pub types: Vec<String> = Vec::new(),
        /// A program that looks at each file, and its arguments. `{file}` in an argument stands for the
        /// path of the file; without it, the file is the program's standard input. Status 0 approves the
        /// file, every other one rejects it.
        pub scanner_command: Vec<String> = Vec::new(),
        /// A URL that each file is posted to, in place of a program: https://, or plain http:// for a
        /// service on this machine or beside it. A status of 200 to 299 approves the file, every other
        /// one rejects it.
        pub scanner_url: Option<Secret> = None,
        /// How long the scanner may take, 60s at most; then the file is rejected.
        pub scanner_timeout: Period = Period::seconds(60),
        /// Files that are scanned at once. Further ones wait.
        pub scans_at_once: usize = 4,
        /// Files that are uploaded at once, a quarter of them of one chat. One more answers 429.
        pub uploads_at_once: usize = 64,
        /// Files that are downloaded at once, a quarter of them of one chat. One more answers 429.
        pub downloads_at_once: usize = 256,
        /// How long an upload may stand still; then it answers 408.
        pub stall_timeout: Period = Period::seconds(30),
        /// How long an upload or download may take in all; then it is cut.
        pub transfer_timeout: Period = Period::minutes(15),
        /// How often files are looked for that no chat needs. They go when they are a day old.
        pub sweep: Period = Period::hours(6),
    }
}

impl Check for AttachmentsSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        let fail =
            |key: &str, problem: &str| ConfigError::at(&format!("attachments.{key}"), problem);
        if !(1 << 20..=100 << 20).contains(&self.max_size.bytes()) {
            return fail("max_size", "1MiB to 100MiB");
        }
        if let Some(odd) = self.types.iter().find(|kind| !media::is_type(kind)) {
            return fail("types", &format!("{odd:?} is no MIME type such as image/gif"));
        }
        if !self.scanner_command.is_empty() && self.scanner_url.is_some() {
            return fail("scanner_url", "there is a scanner_command already; choose one of them");
        }
        let url = self.scanner_url.as_ref();
        if url.is_some_and(|url| ScannerUrl::parse(url.expose()).is_none()) {
            return fail("scanner_url", "no URL such as http://127.0.0.1:8080/scan");
        }
        if self.scanner_timeout > Period::seconds(60) {
            return fail("scanner_timeout", "60s at most");
        }
        for (key, count) in [
            ("scans_at_once", self.scans_at_once),
            ("uploads_at_once", self.uploads_at_once),
            ("downloads_at_once", self.downloads_at_once),
        ] {
            if !(1..=10_000).contains(&count) {
                return fail(key, "1 to 10000");
            }
        }
        Ok(())
    }
}
