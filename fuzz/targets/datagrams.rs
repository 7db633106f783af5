#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parley_client::hostile::targets::datagrams(bytes));
