//! Look-ups in DNS, as far as the operator grants them (capability `dns`). That there is no answer does not end the call:
//! what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages
//! applies.
use crate::abi;
use crate::answer::{ask, is_granted_here, Answer};
use crate::extism::name_of;
use crate::json::Json;
use crate::json_writer::JsonObject;
use alloc::string::String;
use alloc::vec::Vec;

/// What DNS says, or why it says nothing.
pub struct DnsAnswer {
    /// `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE` if there is no answer, else empty.
    pub error: &'static str,
    /// `found`, `nodata` (there is such a name, without records of this type) or `nxdomain` (there is no such name); empty if
    /// there is no answer.
    pub result: String,
    /// Seconds for which it holds.
    pub ttl: i32,
    fields: Option<Json>,
}

impl DnsAnswer {
    /// As they are in the answer (`sdk/ABI.md`): texts, of MX maps with `priority` and `exchange`.
    pub fn records(&self) -> &[Json] {
        self.fields.as_ref().map_or(&[], |fields| fields.get("records").items())
    }

    /// Addresses, names, or the texts of TXT records; of MX their exchanges.
    pub fn texts(&self) -> Vec<&str> {
        self.records().iter().map(text_of).collect()
    }
}

fn text_of(record: &Json) -> &str {
    if record.is_object() {
        record.get("exchange").text()
    } else {
        record.text()
    }
}

/// Whether the operator grants it; without that `query` answers `DENIED`. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("dns")
}

/// The type is `A`, `AAAA`, `MX`, `TXT` or `PTR`, the name is in A-labels. (`type` is a reserved word.)
pub fn query(kind: &str, name: &str) -> DnsAnswer {
    asked(JsonObject::new().text("type", kind).text("name", name))
}

/// The names of an address.
pub fn reverse(address: &str) -> DnsAnswer {
    asked(JsonObject::new().text("type", "PTR").text("address", address))
}

/// An address in a list that is published in DNS (RFC 5782), such as `zen.example.org`: `found` if it is listed.
pub fn listed(address: &str, zone: &str) -> DnsAnswer {
    asked(JsonObject::new().text("type", "A").text("address", address).text("name", zone))
}

fn asked(fields: &JsonObject) -> DnsAnswer {
    let size = ask(abi::dns, fields, None);
    if size < 0 {
        return DnsAnswer { error: name_of(size), result: String::new(), ttl: 0, fields: None };
    }
    let fields = Answer::read(size as usize).fields;
    DnsAnswer {
        error: "",
        result: fields.get("result").text().into(),
        ttl: fields.get("ttl").integer(0),
        fields: Some(fields),
    }
}
