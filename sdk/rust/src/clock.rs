//! The time of day, as far as the operator grants it (capability `clock`).
use crate::abi;
use crate::answer::{ask, Answer};
use crate::extism::must;
use crate::json_writer::JsonObject;

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    let size = ask(abi::clock, &JsonObject::new(), None);
    Answer::read(must(size, "tell the time")).integer("ms")
}
