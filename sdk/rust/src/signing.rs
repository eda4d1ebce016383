//! Signs with private keys that the host holds, by their names (capability `key`). That there is no signature does not end
//! the call: what a filter does then is its own decision.
use crate::abi;
use crate::answer::{ask, is_granted_here, Answer};
use crate::extism::name_of;
use crate::json_writer::{JsonList, JsonObject};
use alloc::vec::Vec;

/// Header fields that the host has made with a key that it holds, or why there are none.
pub struct SignedFields {
    /// `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE`, else empty.
    pub error: &'static str,
    /// As they are, to be put before all others: `message::splice(0, 0, &fields)`. Empty if there are none to add.
    pub fields: Vec<u8>,
}

/// Whether the operator grants it; without that the others answer `DENIED`. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("key")
}

/// A DKIM-Signature. `options` are `headers`, `oversign`, `canonicalization` and `expires` of `sdk/ABI.md`.
pub fn dkim(key: &str, options: Option<&JsonObject>) -> SignedFields {
    asked(options.cloned().unwrap_or_default().text("op", "dkim-sign").text("key", key))
}

/// The three fields of ARC. `results` are those of this hop, as `auth::results().texts()` has them.
pub fn arc(key: &str, authserv_id: &str, results: &[&str]) -> SignedFields {
    let mut texts = JsonList::new();
    for result in results {
        texts.text(result);
    }
    let mut fields = JsonObject::new();
    fields.text("op", "arc-seal").text("key", key).text("authservId", authserv_id);
    asked(fields.json("results", &texts.to_json()))
}

fn asked(fields: &JsonObject) -> SignedFields {
    let size = ask(abi::key, fields, None);
    if size < 0 {
        return SignedFields { error: name_of(size), fields: Vec::new() };
    }
    SignedFields { error: "", fields: Answer::read(size as usize).octets }
}
