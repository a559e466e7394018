#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatloom_fuzz::wire::interactive(data));
