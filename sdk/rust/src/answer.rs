//! What capabilities are asked and what they answer: a line of JSON, and octets as they are after it.
use crate::abi;
use crate::extism::fail;
use crate::facts::facts;
use crate::json::{parse_json, Json};
use crate::json_writer::JsonObject;
use crate::text::decimal;
use alloc::vec::Vec;

/// Whether the operator grants the capability of this name.
pub fn is_granted_here(name: &str) -> bool {
    facts().json.get("grants").items().iter().any(|granted| granted.text() == name)
}

/// Asks by this call; gives the length of the answer.
pub fn ask(
    call: unsafe extern "C" fn(*const u8, usize) -> i32,
    fields: &JsonObject,
    octets: Option<&[u8]>,
) -> i32 {
    let mut question = fields.to_json().into_bytes();
    if let Some(octets) = octets {
        question.push(b'\n');
        question.extend_from_slice(octets);
    }
    unsafe { call(question.as_ptr(), question.len()) }
}

/// A range of the message that a request names as its content.
pub fn content(offset: usize, length: usize, encoding: &str) -> JsonObject {
    let mut content = JsonObject::new();
    content.json("offset", &decimal(offset as i64)).json("length", &decimal(length as i64));
    if !encoding.is_empty() {
        content.text("encoding", encoding);
    }
    content
}

pub struct Answer {
    pub fields: Json,
    pub octets: Vec<u8>,
}

impl Answer {
    pub fn read(size: usize) -> Answer {
        let mut whole = Vec::with_capacity(size);
        unsafe {
            abi::answer_read(0, whole.as_mut_ptr(), size);
            // The host has filled as much.
            whole.set_len(size);
        }
        let end = whole.iter().position(|octet| *octet == b'\n').unwrap_or(size);
        let octets = whole.get(end + 1..).unwrap_or(&[]).to_vec();
        whole.truncate(end);
        match parse_json(&whole) {
            Some(fields) => Answer { fields, octets },
            None => fail("Cannot read an answer of the host: it is no JSON"),
        }
    }

    /// A whole number, 0 if there is none of that name.
    pub fn integer(&self, name: &str) -> i64 {
        self.fields.get(name).raw.parse().unwrap_or(0)
    }
}
