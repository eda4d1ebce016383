use crate::text::{decimal, is_control};
use alloc::string::String;

/// A JSON string of the text, quotes included (RFC 8259 section 7).
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

fn push_quoted(to: &mut String, text: &str) {
    to.push('"');
    for character in text.chars() {
        if character == '"' || character == '\\' {
            to.push('\\');
            to.push(character);
        } else if is_control(character) {
            let hex = |digit: u32| char::from_digit(digit & 15, 16).unwrap_or('0');
            to.push_str("\\u00");
            to.push(hex(character as u32 >> 4));
            to.push(hex(character as u32));
        } else {
            to.push(character);
        }
    }
    to.push('"');
}

/// Composes a JSON object, member by member.
#[derive(Clone, Default)]
pub struct JsonObject {
    members: String,
}

impl JsonObject {
    pub fn new() -> JsonObject {
        JsonObject::default()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub fn text(&mut self, name: &str, value: &str) -> &mut JsonObject {
        self.name(name);
        push_quoted(&mut self.members, value);
        self
    }

    pub fn integer(&mut self, name: &str, value: i32) -> &mut JsonObject {
        self.json(name, &decimal(i64::from(value)))
    }

    pub fn bool(&mut self, name: &str, value: bool) -> &mut JsonObject {
        self.json(name, if value { "true" } else { "false" })
    }

    /// A member whose value is JSON already.
    pub fn json(&mut self, name: &str, value: &str) -> &mut JsonObject {
        self.name(name);
        self.members.push_str(value);
        self
    }

    pub fn to_json(&self) -> String {
        enclosed('{', &self.members, '}')
    }

    fn name(&mut self, name: &str) {
        if !self.members.is_empty() {
            self.members.push(',');
        }
        push_quoted(&mut self.members, name);
        self.members.push(':');
    }
}

/// Composes a JSON list, item by item.
#[derive(Clone, Default)]
pub struct JsonList {
    items: String,
}

impl JsonList {
    pub fn new() -> JsonList {
        JsonList::default()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn text(&mut self, value: &str) -> &mut JsonList {
        self.json(&quote(value))
    }

    /// An item that is JSON already.
    pub fn json(&mut self, value: &str) -> &mut JsonList {
        if !self.items.is_empty() {
            self.items.push(',');
        }
        self.items.push_str(value);
        self
    }

    pub fn to_json(&self) -> String {
        enclosed('[', &self.items, ']')
    }
}

fn enclosed(open: char, inside: &str, close: char) -> String {
    let mut all = String::with_capacity(inside.len() + 2);
    all.push(open);
    all.push_str(inside);
    all.push(close);
    all
}
