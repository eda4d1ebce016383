//! What this service remembers from one call of a transaction to a later one, at most 64 KiB in all. It ends with the
//! transaction; what is set before MAIL lasts for the session.
use crate::abi;
use crate::extism::{copied, must_name};
use crate::json_writer::quote;
use crate::text::decode;
use alloc::string::String;
use alloc::vec::Vec;

pub fn get(key: &str) -> Option<Vec<u8>> {
    let call = |at, room| unsafe { abi::state_get(key.as_ptr(), key.len(), at, room) };
    let size = call(core::ptr::null_mut(), 0);
    if size == abi::NOT_FOUND {
        return None;
    }
    if size < 0 {
        must_name(size, "read the state ", &quote(key));
    }
    Some(copied(size as usize, "read the state", call))
}

pub fn set(key: &str, value: &[u8]) {
    let result = unsafe { abi::state_set(key.as_ptr(), key.len(), value.as_ptr(), value.len()) };
    if result < 0 {
        must_name(result, "keep the state ", &quote(key));
    }
}

/// Empty if there is none.
pub fn get_text(key: &str) -> String {
    get(key).map(decode).unwrap_or_default()
}

pub fn set_text(key: &str, value: &str) {
    set(key, value.as_bytes());
}
