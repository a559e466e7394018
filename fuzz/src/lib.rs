//! What the fuzz targets do with their bytes.
//!
//! A target is a function of bytes that panics when a law is broken. The programs in `fuzz_targets/`
//! hand it what libFuzzer makes up; the tests of the crates hand it the files in `corpus/`.

pub mod engine;
pub mod session;
pub mod wire;

/// What a target does with its bytes.
pub type Target = fn(&[u8]);
