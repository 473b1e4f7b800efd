#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keywalk_fuzz_targets::sqlite_key::run(data));
