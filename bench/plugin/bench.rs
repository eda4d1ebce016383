//! The same as index.ts: reads every octet of the message and adds a header field.
use postern_plugin::{decide, message, Decision};

#[no_mangle]
pub extern "C" fn on_message() -> i32 {
    let mut buffer = vec![0; 16 * 1024];
    let size = message::size();
    let mut hash: u32 = 2166136261;
    let mut offset = 0;
    while offset < size {
        let count = message::read(offset, &mut buffer);
        for octet in &buffer[..count] {
            hash = (hash ^ u32::from(*octet)).wrapping_mul(16777619);
        }
        offset += count;
    }
    message::header_add("X-Bench", &hash.to_string());
    decide(&Decision::new())
}
