//! The time of day, as far as the operator grants it (capability `clock`).
use crate::abi;
use crate::answer::{ask, is_granted_here, Answer};
use crate::extism::must;
use crate::json_writer::JsonObject;

/// Whether the operator grants it; without that `now` ends the call. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("clock")
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    let size = ask(abi::clock, &JsonObject::new(), None);
    Answer::read(must(size, "tell the time")).integer("ms")
}
