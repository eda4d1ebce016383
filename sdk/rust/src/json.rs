//! A strict reader for JSON (RFC 8259) whose shape is not known beforehand: settings, facts, part facts.
//!
//! `parse_json` gives `None` for anything that is not exactly one JSON text, or that nests deeper than 64. Reading a
//! value never fails: what is missing or of another kind gives the fallback, so a chain such as
//! `json.get("client").get("helo").get("name").text()` is safe. Of two members with one name the last counts.
use alloc::string::String;
use alloc::vec::Vec;

pub use crate::json_reader::parse_json;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    Missing,
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

pub struct Json {
    pub kind: JsonKind,
    /// The text of a string, or a number or literal as written.
    pub raw: String,
    pub(crate) names: Vec<String>,
    pub(crate) items: Vec<Json>,
}

static MISSING: Json = Json::new(JsonKind::Missing);

impl Json {
    pub(crate) const fn new(kind: JsonKind) -> Json {
        Json { kind, raw: String::new(), names: Vec::new(), items: Vec::new() }
    }

    pub fn is_missing(&self) -> bool {
        self.kind == JsonKind::Missing
    }

    pub fn is_text(&self) -> bool {
        self.kind == JsonKind::Text
    }

    pub fn is_list(&self) -> bool {
        self.kind == JsonKind::List
    }

    pub fn is_object(&self) -> bool {
        self.kind == JsonKind::Object
    }

    /// Items of a list or members of an object; 0 for anything else.
    pub fn length(&self) -> usize {
        self.items.len()
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> &Json {
        self.names.iter().rposition(|known| known == name).map_or(&MISSING, |index| self.at(index))
    }

    /// The item of a list, or the value of an object's member, in the order written.
    pub fn at(&self, index: usize) -> &Json {
        self.items.get(index).unwrap_or(&MISSING)
    }

    /// The name of an object's member, in the order written.
    pub fn name_at(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// The items of a list, or the values of an object's members.
    pub fn items(&self) -> &[Json] {
        &self.items
    }

    /// Empty for anything but a text.
    pub fn text(&self) -> &str {
        self.text_or("")
    }

    pub fn text_or<'a>(&'a self, fallback: &'a str) -> &'a str {
        if self.is_text() {
            &self.raw
        } else {
            fallback
        }
    }

    pub fn bool(&self, fallback: bool) -> bool {
        if self.kind == JsonKind::Bool {
            self.raw == "true"
        } else {
            fallback
        }
    }

    pub fn number(&self, fallback: f64) -> f64 {
        if self.kind == JsonKind::Number {
            self.raw.parse().unwrap_or(fallback)
        } else {
            fallback
        }
    }

    /// A whole number within 32 bits; the fallback for any other.
    pub fn integer(&self, fallback: i32) -> i32 {
        if self.kind == JsonKind::Number {
            self.raw.parse().unwrap_or(fallback)
        } else {
            fallback
        }
    }

    /// The texts of a list; a single text counts as a list of one.
    pub fn texts(&self) -> Vec<&str> {
        if self.is_text() {
            return Vec::from([self.text()]);
        }
        let items = if self.is_list() { self.items() } else { &[] };
        items.iter().filter(|item| item.is_text()).map(Json::text).collect()
    }
}
