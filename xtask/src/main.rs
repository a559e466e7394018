//! Build, check, try and measure Chatloom.
fn main() {}
