use crate::abi;
use crate::address::fold_case;
use crate::extism::{copied, fail, must};
use crate::json::{parse_json, Json};
use crate::memory::borrowed;
use alloc::vec;
use alloc::vec::Vec;

const CHUNK: usize = 4096;

/// A MIME part of the message; part 0 is the message itself. Stage `message` only.
pub struct Part {
    pub index: usize,
    /// All the part's facts, for what has no accessor here.
    pub json: Json,
}

impl Part {
    pub fn new(index: usize) -> Part {
        let call = |at, room| unsafe { abi::part_info(index as u32, at, room) };
        match parse_json(&copied(1024, "read the facts of a part", call)) {
            Some(json) => Part { index, json },
            None => fail("Cannot read the facts of a part: not JSON"),
        }
    }

    /// All parts in document order.
    pub fn all() -> Vec<Part> {
        (0..must(unsafe { abi::part_count() }, "count the parts")).map(Part::new).collect()
    }

    /// Index of the part that this one is in; `None` for part 0.
    pub fn parent(&self) -> Option<usize> {
        if self.index == 0 {
            None
        } else {
            Some(self.number("parent"))
        }
    }

    pub fn depth(&self) -> usize {
        self.number("depth")
    }

    /// `application/pdf`, in lower case. (`type` is a reserved word.)
    pub fn kind(&self) -> &str {
        self.json.get("type").text()
    }

    pub fn charset(&self) -> &str {
        self.json.get("charset").text()
    }

    /// The file name, decoded; empty if it has none. The sender chose it: it may hold any character.
    pub fn name(&self) -> &str {
        self.json.get("name").text()
    }

    /// Every name that some reader may take for the file name, `name` first: judge them all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.json.get("names").items().iter().map(|json| json.text())
    }

    /// Of part 0: the message is taken apart to the end, within the host's bounds.
    pub fn complete(&self) -> bool {
        self.json.get("complete").is_missing()
    }

    /// Readers may disagree about its type, its encoding, its boundary or its names.
    pub fn ambiguous(&self) -> bool {
        !self.json.get("ambiguous").is_missing()
    }

    /// `attachment`, `inline` or empty.
    pub fn disposition(&self) -> &str {
        self.json.get("disposition").text()
    }

    /// The Content-Transfer-Encoding.
    pub fn encoding(&self) -> &str {
        self.json.get("encoding").text()
    }

    /// Where the part's header begins in the message.
    pub fn offset(&self) -> usize {
        self.number("offset")
    }

    /// Octets of its header with the empty line.
    pub fn header_size(&self) -> usize {
        self.number("headerSize")
    }

    /// Octets of its body as encoded.
    pub fn size(&self) -> usize {
        self.number("size")
    }

    /// Fills `buffer` from offset `offset` of the decoded body; gives the octets copied, fewer at the end, 0 past it.
    /// Going from front to back costs one pass, going back starts a new one.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let copied =
            unsafe { abi::part_read(self.index as u32, offset as u32, buffer.as_mut_ptr(), buffer.len()) };
        must(copied, "read a part")
    }

    /// Whether its decoded body has the word, ASCII letters in either case, wherever one read ends and the next begins. No part
    /// says the empty word. Its octets in UTF-8 are looked for: text in another charset may have others.
    pub fn says(&self, word: &str) -> bool {
        // There may be many parts and words; what a search takes is used by nobody else.
        !word.is_empty() && unsafe { borrowed(|| self.has(fold_case(word).as_bytes())) }
    }

    fn has(&self, word: &[u8]) -> bool {
        let mut window = vec![0; CHUNK + word.len()];
        let mut kept = 0;
        let mut offset = 0;
        loop {
            let size = self.read(offset, &mut window[kept..kept + CHUNK]);
            if size == 0 {
                return false;
            }
            offset += size;
            let end = kept + size;
            window[kept..end].make_ascii_lowercase();
            if window[..end].windows(word.len()).any(|octets| octets == word) {
                return true;
            }
            // The word may straddle two reads: its length less one stays for the next.
            kept = end.min(word.len() - 1);
            window.copy_within(end - kept..end, 0);
        }
    }

    /// Puts a part of that Content-Type (`text/plain; charset=utf-8`) with that text in its place.
    pub fn replace(&self, kind: &str, text: &str) {
        let result = unsafe {
            abi::part_replace(self.index as u32, kind.as_ptr(), kind.len(), text.as_ptr(), text.len())
        };
        must(result, "replace a part");
    }

    fn number(&self, name: &str) -> usize {
        self.json.get(name).integer(0) as usize
    }
}
