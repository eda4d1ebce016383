//! Texts as the host takes them: UTF-8, cut by the characters that it counts.
use alloc::string::String;
use alloc::vec::Vec;

/// What is not UTF-8 becomes U+FFFD, as the Encoding Standard has it.
pub fn decode(octets: Vec<u8>) -> String {
    match String::from_utf8(octets) {
        Ok(text) => text,
        Err(bad) => String::from_utf8_lossy(bad.as_bytes()).into_owned(),
    }
}

/// The first `limit` characters. One past U+FFFF counts twice, as the host counts; half of one becomes U+FFFD.
pub fn cut(text: &str, limit: usize) -> String {
    head(text, limit, |character| character)
}

/// The same on one line: control characters become spaces.
pub fn line(text: &str, limit: usize) -> String {
    head(text, limit, |character| if is_control(character) { ' ' } else { character })
}

fn head(text: &str, limit: usize, clean: impl Fn(char) -> char) -> String {
    let mut found = String::with_capacity(core::cmp::min(text.len(), limit * 3 + 4));
    let mut units = 0;
    for character in text.chars() {
        if units >= limit {
            break;
        }
        units += character.len_utf16();
        found.push(if units > limit { '\u{fffd}' } else { clean(character) });
    }
    found
}

/// Characters as the host counts them.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

pub fn is_control(character: char) -> bool {
    character < ' ' || character == '\u{7f}'
}

/// A whole number in decimal; the machinery of `format!` is ten times as large.
pub fn decimal(number: i64) -> String {
    let mut text = String::with_capacity(20);
    if number < 0 {
        text.push('-');
    }
    let mut rest = number.unsigned_abs();
    let mut power = 1;
    while rest / power > 9 {
        power *= 10;
    }
    while power > 0 {
        text.push((b'0' + (rest / power) as u8) as char);
        rest %= power;
        power /= 10;
    }
    text
}
