//! Bounds of chat sockets.

use super::{
    Config, ConfigError, Period, Size,
    section::{Check, check_rate, section},
};

section! {
    /// Bounds of chat sockets.
    pub struct SocketSection {
        /// Open sockets for each participant; the oldest is closed (1008) for a new one.
        pub per_participant: usize = 5,
        /// A socket from which nothing came for so long is closed (1001).
        pub idle_timeout: Period = Period::minutes(15),
        /// A socket that has subscribed to nothing for so long after it was opened is closed (1001).
        pub subscribe_timeout: Period = Period::minutes(1),
        /// How long after the end of its chat a socket is closed (1001).
        pub linger: Period = Period::seconds(30),
        /// Unreadable frames after which a socket is closed (1008).
        pub unreadable_frames: u32 = 20,
        /// Size of a frame from a client; a larger one closes the socket (1008).
        pub max_frame: Size = Size::kib(8),
        /// Frames a second from a client, on average; a client that sends more is cut off (1008).
        pub frames_per_second: f64 = 20.0,
        /// Frames at once after a pause.
        pub frames_burst: u32 = 100,
        /// Frames that wait for a slow reader; one more closes its socket (1013).
        pub queue_frames: usize = 256,
        /// Size of the frames that wait for a slow reader; one more closes its socket (1013).
        pub queue_size: Size = Size::kib(1024),
        /// How often the last place of every chat with a socket is compared with the store.
        pub sweep: Period = Period::seconds(5),
        /// How long a missing entry is waited for before it is read from the store.
        pub hole_patience: Period = Period::millis(20),
    }
}

impl Check for SocketSection {
    fn check(&self, _: &Config) -> Result<(), ConfigError> {
        if self.per_participant == 0 || self.queue_frames == 0 || self.sweep.as_millis() == 0 {
            return ConfigError::at(
                "socket",
                "per_participant, queue_frames and sweep must not be 0",
            );
        }
        check_rate("socket.frames", self.frames_per_second, self.frames_burst)
    }
}
