#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chatloom_server::fuzzing::id_token(data));
