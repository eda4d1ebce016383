//! Values and counters that this service keeps from one message to the next, as far as the operator grants it (capability
//! `kv`). A change is on disk when the call returns, and atomic. `expires` is in seconds; 0: never.
use crate::abi;
use crate::answer::{ask, is_granted_here, Answer};
use crate::extism::must_name;
use crate::json_writer::{quote, JsonObject};
use crate::text::{decimal, decode};
use alloc::string::String;
use alloc::vec::Vec;

/// A value with what is known of it.
pub struct KvEntry {
    pub value: Vec<u8>,
    /// A number that no other value of any key ever has.
    pub revision: i64,
    /// In how many seconds it is gone; 0: never.
    pub expires: i64,
}

/// Whether the operator grants it; without that the other calls end the call. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("kv")
}

/// The store is full, as the grant bounds it, or out of order: what the `try_…` functions give where the others end the call.
#[derive(Clone, Copy, Debug)]
pub struct KvTrouble;

pub fn entry(key: &str) -> Option<KvEntry> {
    entry_from(ask(abi::kv, &fields_of("get", key), None), key)
}

pub fn try_entry(key: &str) -> Result<Option<KvEntry>, KvTrouble> {
    let size = ask(abi::kv, &fields_of("get", key), None);
    no_trouble(size).map(|()| entry_from(size, key))
}

pub fn get(key: &str) -> Option<Vec<u8>> {
    entry(key).map(|found| found.value)
}

/// Empty if there is none.
pub fn get_text(key: &str) -> String {
    get(key).map(decode).unwrap_or_default()
}

pub fn put(key: &str, value: &[u8], expires: i32) {
    checked(ask_put(key, value, expires), key);
}

pub fn try_put(key: &str, value: &[u8], expires: i32) -> Result<(), KvTrouble> {
    let size = ask_put(key, value, expires);
    no_trouble(size).map(|()| drop(checked(size, key)))
}

pub fn put_text(key: &str, value: &str, expires: i32) {
    put(key, value.as_bytes(), expires);
}

/// Puts a value in the place of the one with this revision, 0 of none; false if another is there by now.
pub fn replace(key: &str, value: &[u8], revision: i64, expires: i32) -> bool {
    stored(ask_replace(key, value, revision, expires), key)
}

pub fn try_replace(key: &str, value: &[u8], revision: i64, expires: i32) -> Result<bool, KvTrouble> {
    let size = ask_replace(key, value, revision, expires);
    no_trouble(size).map(|()| stored(size, key))
}

/// Adds to a number in decimal digits, and gives the sum. `expires` is for one that was not there before.
pub fn increment(key: &str, by: i64, expires: i32) -> i64 {
    checked(ask_increment(key, by, expires), key).integer("value")
}

pub fn try_increment(key: &str, by: i64, expires: i32) -> Result<i64, KvTrouble> {
    let size = ask_increment(key, by, expires);
    no_trouble(size).map(|()| checked(size, key).integer("value"))
}

/// Whether there was one.
pub fn remove(key: &str) -> bool {
    let size = ask(abi::kv, &fields_of("delete", key), None);
    checked(size, key).fields.get("deleted").bool(false)
}

fn fields_of(op: &str, key: &str) -> JsonObject {
    let mut fields = JsonObject::new();
    fields.text("op", op).text("key", key);
    fields
}

fn with_expiry(fields: &mut JsonObject, expires: i32) {
    if expires != 0 {
        fields.integer("expires", expires);
    }
}

fn entry_from(size: i32, key: &str) -> Option<KvEntry> {
    if size == abi::NOT_FOUND {
        return None;
    }
    let answer = checked(size, key);
    let (revision, expires) = (answer.integer("revision"), answer.integer("expires"));
    Some(KvEntry { value: answer.octets, revision, expires })
}

fn ask_put(key: &str, value: &[u8], expires: i32) -> i32 {
    let mut fields = fields_of("put", key);
    with_expiry(&mut fields, expires);
    ask(abi::kv, &fields, Some(value))
}

fn ask_replace(key: &str, value: &[u8], revision: i64, expires: i32) -> i32 {
    let mut fields = fields_of("put", key);
    fields.json("revision", &decimal(revision));
    with_expiry(&mut fields, expires);
    ask(abi::kv, &fields, Some(value))
}

fn stored(size: i32, key: &str) -> bool {
    checked(size, key).fields.get("stored").bool(false)
}

fn ask_increment(key: &str, by: i64, expires: i32) -> i32 {
    let mut fields = fields_of("increment", key);
    fields.json("by", &decimal(by));
    with_expiry(&mut fields, expires);
    ask(abi::kv, &fields, None)
}

fn no_trouble(size: i32) -> Result<(), KvTrouble> {
    match size {
        abi::LIMIT | abi::UNAVAILABLE => Err(KvTrouble),
        _ => Ok(()),
    }
}

fn checked(size: i32, key: &str) -> Answer {
    if size < 0 {
        must_name(size, "use the key ", &quote(key));
    }
    Answer::read(size as usize)
}
