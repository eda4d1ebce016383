//! The message, read by range where the host keeps it, and the edits that are proposed for it. Stage `message` only.
//!
//! Offsets and indexes are those of the message as it was when the call began, however many edits were proposed. Edits
//! are applied all together when the call succeeds; edits that overlap make it a failure.
use crate::abi;
use crate::extism::{copied, must, must_name};
use crate::text::decode;
use alloc::string::String;

/// Octets.
pub fn size() -> usize {
    must(unsafe { abi::message_size() }, "tell the size of the message")
}

/// Fills `buffer` from `offset`; gives the octets copied, fewer at the end, 0 past it.
pub fn read(offset: usize, buffer: &mut [u8]) -> usize {
    let copied = unsafe { abi::message_read(offset as u32, buffer.as_mut_ptr(), buffer.len()) };
    must(copied, "read the message")
}

pub fn header_count() -> usize {
    must(unsafe { abi::header_count() }, "count the header fields")
}

/// The index of the `nth` (from 0) field of that name, case ignored.
pub fn header_find(name: &str, nth: usize) -> Option<usize> {
    match unsafe { abi::header_find(name.as_ptr(), name.len(), nth as u32) } {
        abi::NOT_FOUND => None,
        index => Some(must_name(index, "find the header ", name)),
    }
}

pub fn header_name(index: usize) -> String {
    decode(copied(128, "read a header name", |at, room| unsafe { abi::header_name(index as u32, at, room) }))
}

/// The value, unfolded; encoded words (RFC 2047) as they are.
pub fn header_value(index: usize) -> String {
    decode(copied(512, "read a header value", |at, room| unsafe { abi::header_value(index as u32, at, room) }))
}

/// The value of the first field of that name.
pub fn header(name: &str) -> Option<String> {
    header_find(name, 0).map(header_value)
}

/// Adds a field after the last.
pub fn header_add(name: &str, value: &str) {
    let result = unsafe { abi::header_add(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    must_name(result, "add the header ", name);
}

/// Adds a field before field `index`; 0 puts it at the top.
pub fn header_insert(index: usize, name: &str, value: &str) {
    let result =
        unsafe { abi::header_insert(index as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    must_name(result, "insert the header ", name);
}

pub fn header_change(index: usize, value: &str) {
    must(unsafe { abi::header_change(index as u32, value.as_ptr(), value.len()) }, "change a header");
}

pub fn header_remove(index: usize) {
    must(unsafe { abi::header_remove(index as u32) }, "remove a header");
}

/// Replaces `remove` octets at `offset`. Lines end in CRLF; a bare CR or LF is refused.
pub fn splice(offset: usize, remove: usize, octets: &[u8]) {
    let result = unsafe { abi::splice(offset as u32, remove as u32, octets.as_ptr(), octets.len()) };
    must(result, "change the message");
}
