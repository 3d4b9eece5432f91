#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| blackbar_fuzz::layers(data));
