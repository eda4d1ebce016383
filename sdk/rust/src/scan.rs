//! The verdicts of the virus scanner that the operator grants (capability `scan`). That there is none does not end the call:
//! what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages
//! applies.
use crate::abi;
use crate::answer::{ask, content, is_granted_here, Answer};
use crate::extism::name_of;
use crate::json_writer::JsonObject;
use crate::part::Part;
use alloc::string::String;

/// What a virus scanner says. Neither clean nor of a name is what it gave no verdict about.
pub struct ScanVerdict {
    pub is_clean: bool,
    /// What was found, on one line; empty if nothing was.
    pub name: String,
    /// `INVALID`, `DENIED`, `LIMIT` (too long for it, or too much for a minute) or `UNAVAILABLE` if there is no verdict, else
    /// empty.
    pub error: &'static str,
}

/// Whether the operator grants it; without that each verdict is the error `DENIED`. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("scan")
}

/// The body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory.
pub fn part(part: &Part) -> ScanVerdict {
    range(part.offset() + part.header_size(), part.size(), part.encoding())
}

/// The whole message as it is.
pub fn message() -> ScanVerdict {
    range(0, crate::message::size(), "")
}

/// At most 8 MiB, with what the request has besides.
pub fn octets(octets: &[u8]) -> ScanVerdict {
    asked(&JsonObject::new(), Some(octets))
}

fn range(offset: usize, length: usize, encoding: &str) -> ScanVerdict {
    asked(JsonObject::new().json("content", &content(offset, length, encoding).to_json()), None)
}

fn asked(fields: &JsonObject, octets: Option<&[u8]>) -> ScanVerdict {
    let size = ask(abi::scan, fields, octets);
    if size < 0 {
        return ScanVerdict { is_clean: false, name: String::new(), error: name_of(size) };
    }
    let fields = Answer::read(size as usize).fields;
    ScanVerdict { is_clean: fields.get("clean").bool(false), name: fields.get("name").text().into(), error: "" }
}
