//! Extism's input, output and configuration. Only what is small goes this way: facts, settings, decisions and log
//! lines, eight octets a call. Message content goes through `ocp_smtp_v1`, a range a call.
use crate::abi;
use alloc::string::String;
use alloc::vec::Vec;

pub fn read_input() -> Vec<u8> {
    let size = unsafe { abi::input_length() };
    load(size, |at| unsafe { abi::input_load_u64(at) }, |at| unsafe { abi::input_load_u8(at) })
}

pub fn write_output(text: &str) {
    unsafe { abi::output_set(to_extism(text), text.len() as u64) };
}

/// The configuration value of that name.
pub fn read_config(name: &str) -> Option<Vec<u8>> {
    let block = unsafe { abi::config_get(to_extism(name)) };
    if block == 0 {
        return None;
    }
    let size = unsafe { abi::extism_length(block) };
    let words = |at| unsafe { abi::extism_load_u64(block + at) };
    Some(load(size, words, |at| unsafe { abi::extism_load_u8(block + at) }))
}

/// Copies a text to the host, which frees it with the instance.
pub fn to_extism(text: &str) -> u64 {
    let octets = text.as_bytes();
    let block = unsafe { abi::extism_alloc(octets.len() as u64) };
    let mut at = block;
    let mut words = octets.chunks_exact(8);
    for word in &mut words {
        let mut copy = [0; 8];
        copy.copy_from_slice(word);
        unsafe { abi::extism_store_u64(at, u64::from_le_bytes(copy)) };
        at += 8;
    }
    for octet in words.remainder() {
        unsafe { abi::extism_store_u8(at, u32::from(*octet)) };
        at += 1;
    }
    block
}

fn load(size: u64, word: impl Fn(u64) -> u64, octet: impl Fn(u64) -> u32) -> Vec<u8> {
    let mut octets = Vec::with_capacity(size as usize);
    let mut at = 0;
    while at + 8 <= size {
        octets.extend_from_slice(&word(at).to_le_bytes());
        at += 8;
    }
    while at < size {
        octets.push(octet(at) as u8);
        at += 1;
    }
    octets
}

/// Ends the call as a failure of the service, with this reason.
#[cold]
pub fn fail(reason: &str) -> ! {
    unsafe { abi::error_set(to_extism(reason)) };
    core::arch::wasm32::unreachable()
}

/// Gives a host call's result on, or ends the call: what the host refuses is a mistake of the filter or of its
/// configuration, and one that went on as if nothing had happened would let through what it should have changed.
pub fn must(result: i32, what: &str) -> usize {
    must_name(result, what, "")
}

/// The same, with the name of what it is about.
pub fn must_name(result: i32, what: &str, name: &str) -> usize {
    if result < 0 {
        refused(result, what, name);
    }
    result as usize
}

#[cold]
#[inline(never)]
fn refused(result: i32, what: &str, name: &str) -> ! {
    let reason = match result {
        abi::INVALID => "the host found the index, the range or the text invalid",
        abi::NOT_FOUND => "there is no such thing",
        abi::DENIED => "not allowed by the operator (allowModify, a grant), or not at this stage",
        abi::LIMIT => "a limit of the service, or of a grant, would be passed",
        abi::UNAVAILABLE => "what was granted is out of order",
        _ => "the host gave an unknown result",
    };
    let mut sentence = String::from("Cannot ");
    for piece in [what, name, ": ", reason] {
        sentence.push_str(piece);
    }
    fail(&sentence)
}

/// An error by its name in `sdk/ABI.md`.
pub fn name_of(result: i32) -> &'static str {
    match result {
        abi::NOT_FOUND => "NOT_FOUND",
        abi::DENIED => "DENIED",
        abi::LIMIT => "LIMIT",
        abi::UNAVAILABLE => "UNAVAILABLE",
        _ => "INVALID",
    }
}

/// What `call` copies into a buffer of that room and gives the length of, or into a larger one if it does not fit.
pub fn copied(room: usize, what: &str, call: impl Fn(*mut u8, usize) -> i32) -> Vec<u8> {
    let mut octets = Vec::with_capacity(room);
    let size = must(call(octets.as_mut_ptr(), room), what);
    if size > room {
        octets = Vec::with_capacity(size);
        call(octets.as_mut_ptr(), size);
    }
    // The host has filled as much.
    unsafe { octets.set_len(size) };
    octets
}
