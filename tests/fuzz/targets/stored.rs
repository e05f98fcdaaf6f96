#![no_main]

#[allow(dead_code, reason = "each target runs one of its functions")]
#[path = "../../support/hostile.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hostile::stored(data));
