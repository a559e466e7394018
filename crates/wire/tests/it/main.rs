//! The wire as peers see it: exact forms, limits, laws, and what was found by fuzzing.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod control;
mod corpus;
mod forms;
mod interactive;
mod laws;
mod lifecycle;
mod limits;
mod privacy;
mod samples;
