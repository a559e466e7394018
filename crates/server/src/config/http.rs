//! Bounds of HTTP.

use super::{
    Config, ConfigError, Period, Size,
    section::{Check, section},
};

section! {
    /// Bounds of HTTP.
    pub struct HttpSection {
        /// Connections at once, sockets included. Further ones are closed as they come.
        pub max_connections: usize = 20_000,
        /// How long a client may take to send the head of a request, and how long a connection may be
        /// idle between two requests; then it is closed. A head has at most 100 lines; more answer 431.
        pub header_timeout: Period = Period::seconds(30),
        /// How long a client may take to send the body of a request; then it answers 408.
        pub body_timeout: Period = Period::seconds(10),
        /// How long a client may take in nothing of what is sent to it, an answer, a file or frames of a
        /// socket; then its connection is closed.
        pub stall_timeout: Period = Period::minutes(2),
        /// How long an answer may take in all; then it is 500.
        pub answer_timeout: Period = Period::seconds(30),
        /// Size of a request's head; a larger one answers 431.
        pub max_head: Size = Size::kib(16),
        /// Size of a request's body; a larger one answers 413. A message of 16,384 bytes may take six
        /// times that as JSON.
        pub max_body: Size = Size::kib(128),
        /// Size of the body of a control-plane request, which may carry attributes of 32,768 bytes
        /// besides a message.
        pub max_control_body: Size = Size::kib(384),
        /// Memory for all bodies that are not here whole yet; what comes beyond it is answered 503.
        pub max_bodies: Size = Size::kib(256 * 1024),
    }
}

impl Check for HttpSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.max_connections == 0 || self.max_head.bytes() < 8192 || self.max_body.bytes() == 0 {
            return ConfigError::at(
                "http",
                "max_connections and max_body must not be 0, max_head is at least 8KiB",
            );
        }
        if self.stall_timeout.as_millis() == 0 {
            return ConfigError::at("http.stall_timeout", "it must not be 0");
        }
        if self.max_bodies < self.max_body.max(self.max_control_body) {
            return ConfigError::at(
                "http.max_bodies",
                "a body of max_body and of max_control_body must fit",
            );
        }
        Ok(())
    }
}
