#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orchestra_secrets::fuzzing::keyring(data));
