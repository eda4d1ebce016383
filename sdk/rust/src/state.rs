//! What this service remembers from one call of a transaction to a later one, at most 64 KiB in all. It ends with the
//! transaction; what is set before MAIL lasts for the session.
use crate::abi;
use crate::extism::{copied, must_name};
use crate::text::decode;
use alloc::string::String;
use alloc::vec::Vec;

pub fn get(key: &str) -> Option<Vec<u8>> {
    let call = |at, room| unsafe { abi::state_get(key.as_ptr(), key.len(), at, room) };
    match call(core::ptr::null_mut(), 0) {
        abi::NOT_FOUND => None,
        size => Some(copied(must_name(size, "read the state ", key), "read the state", call)),
    }
}

pub fn set(key: &str, value: &[u8]) {
    let result = unsafe { abi::state_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
    must_name(result, "keep the state ", key);
}

/// Empty if there is none.
pub fn get_text(key: &str) -> String {
    get(key).map(decode).unwrap_or_default()
}

pub fn set_text(key: &str, value: &str) {
    set(key, value.as_bytes());
}
