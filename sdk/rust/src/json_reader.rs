use crate::json::{Json, JsonKind};
use crate::text::decode;
use alloc::string::String;
use alloc::vec::Vec;

const DEPTH: u32 = 64;

/// The value of a JSON text, or `None`.
pub fn parse_json(octets: &[u8]) -> Option<Json> {
    let mut reader = Reader { octets, at: 0 };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at == octets.len() {
        Some(value)
    } else {
        None
    }
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    fn take(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn from(&self, start: usize) -> String {
        decode(self.octets.get(start..self.at).unwrap_or(&[]).to_vec())
    }

    fn value(&mut self, depth: u32) -> Option<Json> {
        if depth > DEPTH {
            return None;
        }
        self.skip_space();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => return self.items(Json::new(JsonKind::Object), depth),
            b'[' => return self.items(Json::new(JsonKind::List), depth),
            b'"' => {
                let mut json = Json::new(JsonKind::Text);
                json.raw = self.text()?;
                return Some(json);
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                JsonKind::Number
            }
            _ if self.word(b"true") || self.word(b"false") => JsonKind::Bool,
            _ if self.word(b"null") => JsonKind::Null,
            _ => return None,
        };
        let mut json = Json::new(kind);
        json.raw = self.from(start);
        Some(json)
    }

    /// The items of a list or the members of an object, up to its end.
    fn items(&mut self, mut json: Json, depth: u32) -> Option<Json> {
        let end = if json.is_object() { b'}' } else { b']' };
        self.at += 1;
        self.skip_space();
        if self.take(end) {
            return Some(json);
        }
        loop {
            if json.is_object() {
                self.skip_space();
                if self.peek() != Some(b'"') {
                    return None;
                }
                let name = self.text()?;
                json.names.push(name);
                self.skip_space();
                if !self.take(b':') {
                    return None;
                }
            }
            let item = self.value(depth + 1)?;
            json.items.push(item);
            self.skip_space();
            if self.take(end) {
                return Some(json);
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let found = self.octets.get(self.at..).map_or(false, |rest| rest.starts_with(word));
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            Some(())
        } else {
            None
        }
    }

    /// A string with its quotes, its escapes undone.
    fn text(&mut self) -> Option<String> {
        self.at += 1;
        let mut plain = Vec::new();
        loop {
            let start = self.at;
            while !matches!(self.peek()?, b'"' | b'\\' | 0..=0x1f) {
                self.at += 1;
            }
            plain.extend_from_slice(self.octets.get(start..self.at)?);
            if self.take(b'"') {
                return Some(decode(plain));
            }
            if !self.take(b'\\') {
                return None; // a control character
            }
            let character = self.escaped()?;
            plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// What is after a backslash.
    fn escaped(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => letter as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex4()?;
                let mut point = first;
                if first & 0xfc00 == 0xd800 && self.word(b"\\u") {
                    let second = self.hex4()?;
                    if second & 0xfc00 == 0xdc00 {
                        point = 0x10000 + ((first & 0x3ff) << 10) + (second & 0x3ff);
                    } else {
                        self.at -= 6;
                    }
                }
                // Half of a surrogate pair is no character.
                char::from_u32(point).unwrap_or('\u{fffd}')
            }
            _ => return None,
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            value = value * 16 + (self.peek()? as char).to_digit(16)?;
            self.at += 1;
        }
        Some(value)
    }
}
