//! The `chatloom` program.
fn main() {}
