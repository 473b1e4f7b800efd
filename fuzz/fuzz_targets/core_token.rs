#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keywalk_fuzz_targets::core_token::run(data));
