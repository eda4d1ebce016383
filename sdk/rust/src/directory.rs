//! Look-ups in the tables that the operator grants (capability `directory`): CSV, SQLite, LDAP. That there is no answer does
//! not end the call: what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule
//! for outages applies.
use crate::abi;
use crate::answer::{ask, is_granted_here, Answer};
use crate::extism::name_of;
use crate::json::Json;
use crate::json_writer::JsonObject;
use alloc::vec::Vec;

/// The rows of a table for a key, or why there are none.
pub struct DirectoryAnswer {
    /// `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE` if there is no answer, else empty.
    pub error: &'static str,
    fields: Option<Json>,
}

impl DirectoryAnswer {
    /// Maps from a column or attribute to a list of its values.
    pub fn rows(&self) -> &[Json] {
        self.fields.as_ref().map_or(&[], |fields| fields.get("rows").items())
    }

    pub fn is_found(&self) -> bool {
        !self.rows().is_empty()
    }

    /// The values of a column or attribute, those of all rows in one.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.rows().iter().flat_map(|row| row.get(name).texts()).collect()
    }

    /// The first of them; empty if there is none.
    pub fn value(&self, name: &str) -> &str {
        self.values(name).first().copied().unwrap_or_default()
    }
}

/// Whether the operator grants it; without that `find` answers `DENIED`. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("directory")
}

/// The table is a name in the config; the key is an address in its normal form, say.
pub fn find(table: &str, key: &str) -> DirectoryAnswer {
    let size = ask(abi::directory, JsonObject::new().text("table", table).text("key", key), None);
    if size < 0 {
        return DirectoryAnswer { error: name_of(size), fields: None };
    }
    DirectoryAnswer { error: "", fields: Some(Answer::read(size as usize).fields) }
}
