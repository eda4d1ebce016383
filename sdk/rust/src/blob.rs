//! Files that people fetch by an URL that nobody can guess, from Postern or from the operator's store, as far as it is granted
//! (capability `blob`). That one is not put does not end the call: what a filter does then is its own decision. If the call
//! fails after `UNAVAILABLE`, the operator's rule for outages applies. What was put is removed if the transaction comes to
//! nothing.
use crate::abi;
use crate::answer::{ask, content, is_granted_here, Answer};
use crate::extism::{must_name, name_of};
use crate::json_writer::{JsonList, JsonObject};
use crate::part::Part;
use crate::text::cut;
use alloc::string::String;

/// Who may fetch a file, how often and how long. What is not set is not limited, but by the grant.
#[derive(Clone, Copy, Default)]
pub struct BlobRules<'a> {
    /// Seconds.
    pub expires: i32,
    pub downloads: i32,
    /// With one download it is a code for once.
    pub password: &'a str,
    /// Addresses and CIDR networks.
    pub clients: &'a [&'a str],
    /// A page with a button comes first, so that programs which follow links count as no download.
    pub confirm: bool,
}

/// A file that was put. One without an URL was not.
#[derive(Default)]
pub struct BlobLink {
    pub url: String,
    pub id: String,
    /// Octets, its Content-Transfer-Encoding undone.
    pub size: i64,
    /// In hexadecimal digits.
    pub sha256: String,
    /// In how many seconds it is gone.
    pub expires: i64,
    /// `INVALID`, `DENIED`, `LIMIT` (of the grant) or `UNAVAILABLE` if it was not put, else empty.
    pub error: &'static str,
}

/// Whether the operator grants it; without that nothing is put, with the error `DENIED`. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("blob")
}

/// The body of a part, its Content-Transfer-Encoding undone. It does not pass through the plugin's memory.
pub fn part(part: &Part, name: &str, rules: &BlobRules) -> BlobLink {
    let range = content(part.offset() + part.header_size(), part.size(), part.encoding());
    put(fields_of(name, part.kind(), rules).json("content", &range.to_json()), None)
}

/// At most 8 MiB, with what the request has besides.
pub fn octets(octets: &[u8], name: &str, kind: &str, rules: &BlobRules) -> BlobLink {
    put(&fields_of(name, kind, rules), Some(octets))
}

/// Whether there was one.
pub fn remove(id: &str) -> bool {
    let size = ask(abi::blob, JsonObject::new().text("op", "remove").text("id", id), None);
    Answer::read(must_name(size, "remove the file ", id)).fields.get("removed").bool(false)
}

fn fields_of(name: &str, kind: &str, rules: &BlobRules) -> JsonObject {
    let mut fields = JsonObject::new();
    fields.text("op", "put").text("name", &cut(if name.is_empty() { "file" } else { name }, 200));
    fields.text("type", if is_plain_type(kind) { kind } else { "application/octet-stream" });
    if rules.expires > 0 {
        fields.integer("expires", rules.expires);
    }
    if rules.downloads > 0 {
        fields.integer("downloads", rules.downloads);
    }
    fields.json("access", &access(rules).to_json());
    fields
}

fn access(rules: &BlobRules) -> JsonObject {
    let mut access = JsonObject::new();
    if !rules.password.is_empty() {
        access.text("password", rules.password);
    }
    if !rules.clients.is_empty() {
        let mut clients = JsonList::new();
        for client in rules.clients {
            clients.text(client);
        }
        access.json("clients", &clients.to_json());
    }
    if rules.confirm {
        access.bool("confirm", true);
    }
    access
}

fn put(fields: &JsonObject, octets: Option<&[u8]>) -> BlobLink {
    let size = ask(abi::blob, fields, octets);
    if size < 0 {
        return BlobLink { error: name_of(size), ..BlobLink::default() };
    }
    let answer = Answer::read(size as usize);
    let text = |name: &str| answer.fields.get(name).text().into();
    BlobLink {
        url: text("url"),
        id: text("id"),
        size: answer.integer("size"),
        sha256: text("sha256"),
        expires: answer.integer("expires"),
        error: "",
    }
}

/// A sender writes what it likes; a server that is to send it as a header can't.
fn is_plain_type(kind: &str) -> bool {
    let is_word = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    let is_plain = |half: &str| {
        let starts = half.bytes().next().map_or(false, is_word);
        starts && half.len() <= 63 && half.bytes().all(|octet| is_word(octet) || b"!#$&^_.+-".contains(&octet))
    };
    kind.split_once('/').map_or(false, |(kind, subtype)| is_plain(kind) && is_plain(subtype))
}
