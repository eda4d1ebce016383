//! Signing, encrypting and opening messages with keys that the operator grants (capability `key`), by S/MIME or by OpenPGP.
//! Stage `message` only. That it is not done does not end the call: what a filter does then is its own decision.
use crate::abi;
use crate::address::fold_case;
use crate::answer::{ask, is_granted_here};
use crate::extism::{fail, name_of};
use crate::json::{parse_json, Json, JsonKind};
use crate::json_writer::{JsonList, JsonObject};
use crate::message;
use crate::part::Part;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Octets of an answer that are in the plugin's memory at a time.
const PIECE: usize = 64 * 1024;

/// What one wrapping of a message was.
pub struct SecureLayer<'a> {
    /// `encrypted`, `signed`
    pub kind: &'a str,
    /// `opened failed` of what was encrypted, `good untrusted bad` of what was signed.
    pub result: &'a str,
    /// Why it is not good.
    pub reason: &'a str,
}

/// What the host made of the message: content that can take the place of the message's.
pub struct SecureAnswer {
    /// `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE`; empty if it was done.
    pub error: &'static str,
    pub json: Json,
    /// Where the content begins in the answer, and where that ends.
    start: usize,
    end: usize,
}

/// Whether the operator grants keys.
pub fn is_granted() -> bool {
    is_granted_here("key")
}

/// Whether the message has more octets than the host signs, encrypts or opens (`sdk/ABI.md`).
pub fn is_too_large() -> bool {
    message::size() > 50 * 1024 * 1024
}

/// One of the formats.
pub struct Secure {
    format: String,
}

impl Secure {
    /// `smime` or `openpgp`.
    pub fn new(format: &str) -> Secure {
        Secure { format: format.into() }
    }

    /// Which recipients of the envelope, in their normal form, can be encrypted to (`recipients`), and whether its sender's mail
    /// can be signed (`signs`).
    pub fn find(&self) -> SecureAnswer {
        asked(&self.request("find"))
    }

    /// The message signed, and encrypted for these recipients, if there are any. `cipher` is for S/MIME: `aes-256-cbc`,
    /// `aes-256-gcm`; empty for the first.
    pub fn protect(&self, sign: bool, encrypt: &[&str], cipher: &str) -> SecureAnswer {
        let mut list = JsonList::new();
        for recipient in encrypt {
            list.text(recipient);
        }
        let mut request = self.request("protect");
        request.bool("sign", sign).json("encrypt", &list.to_json());
        asked(request.text("cipher", if cipher.is_empty() { "aes-256-cbc" } else { cipher }))
    }

    /// The message decrypted, and its signatures verified.
    pub fn open(&self) -> SecureAnswer {
        asked(&self.request("open"))
    }

    fn request(&self, op: &str) -> JsonObject {
        let mut request = JsonObject::new();
        request.text("op", &[self.format.as_str(), op].join("-"));
        request
    }
}

impl SecureAnswer {
    fn read(size: usize) -> SecureAnswer {
        let mut head = vec![0; size.min(PIECE)];
        unsafe { abi::answer_read(0, head.as_mut_ptr(), head.len()) };
        let end = head.iter().position(|octet| *octet == b'\n').unwrap_or(head.len());
        match parse_json(&head[..end]) {
            Some(json) => SecureAnswer { error: "", json, start: size.min(end + 1), end: size },
            None => fail("Cannot read an answer of the host: it is no JSON"),
        }
    }

    /// Whether there is content.
    pub fn has_content(&self) -> bool {
        self.end > self.start
    }

    /// From the outside in.
    pub fn layers(&self) -> Vec<SecureLayer<'_>> {
        let layer = |json| {
            let text = |name| Json::get(json, name).text();
            SecureLayer { kind: text("kind"), result: text("result"), reason: text("reason") }
        };
        self.json.get("layers").items().iter().map(layer).collect()
    }

    /// Puts the content in the place of the message's: its Content fields and its body. Ask nothing else of the host before: the
    /// answer would be gone.
    pub fn apply(&self) {
        let mut piece = vec![0; PIECE];
        if !self.has_content() {
            fail("Cannot put the content in its place: there is none");
        }
        if unsafe { abi::answer_read(self.end as u32 - 1, piece.as_mut_ptr(), 2) } != 1 {
            fail("Cannot put the content in its place: the host was asked something else since");
        }
        for index in 0..message::header_count() {
            let name = fold_case(&message::header_name(index));
            if name.starts_with("content-") || name == "mime-version" {
                message::header_remove(index);
            }
        }
        let whole = Part::new(0);
        let end = whole.offset() + whole.header_size();
        let from = end_of_fields(end);
        // In the place of the empty line: fields that are added go before it, whenever that is proposed.
        message::splice(from, end - from, b"MIME-Version: 1.0\r\n");
        let mut at = self.start;
        while at < self.end {
            let mut length = unsafe { abi::answer_read(at as u32, piece.as_mut_ptr(), PIECE) } as usize;
            // Never half a line end.
            if piece[length - 1] == b'\r' && at + length < self.end {
                length -= 1;
            }
            message::splice(end, 0, &piece[..length]);
            at += length;
        }
        message::splice(end, message::size() - end, b"");
    }
}

/// Before the empty line that ends the header, if there is one.
fn end_of_fields(end: usize) -> usize {
    if end < 2 {
        return end;
    }
    let mut last = [0; 4];
    let length = end.min(4);
    message::read(end - length, &mut last[..length]);
    match &last[..length] {
        b"\r\n" | b"\r\n\r\n" => end - 2,
        _ => end,
    }
}

fn asked(request: &JsonObject) -> SecureAnswer {
    let size = ask(abi::key, request, None);
    if size < 0 {
        return SecureAnswer { error: name_of(size), json: Json::new(JsonKind::Missing), start: 0, end: 0 };
    }
    SecureAnswer::read(size as usize)
}
