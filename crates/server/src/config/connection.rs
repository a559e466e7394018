//! Bounds of CreateParticipantConnection.

use super::{
    Config, ConfigError, Period,
    section::{Check, check_rate, section},
};

section! {
    /// Bounds of CreateParticipantConnection, for each participant.
    pub struct ConnectionSection {
        /// Calls each second. Further calls wait.
        pub per_second: f64 = 2.0,
        /// Calls at once after a pause.
        pub burst: u32 = 10,
        /// How long a call may wait; one that would wait longer answers 429.
        pub max_wait: Period = Period::seconds(5),
    }
}

impl Check for ConnectionSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.per_second == 0.0 {
            return ConfigError::at("connection.per_second", "nobody could connect with 0");
        }
        check_rate("connection", self.per_second, self.burst)
    }
}
