//! Counts its calls in a variable, for `reuse.test.ts`; traps, or answers nonsense, for clients that say so.
use core::sync::atomic::{AtomicU32, Ordering};
use postern_plugin::{decide, facts, log, settings, Decision};

static CALLS: AtomicU32 = AtomicU32::new(0);

#[no_mangle]
pub extern "C" fn on_helo() -> i32 {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    match facts().helo() {
        "trap" => panic!(),
        "nothing" => return 0,
        name => log::info(&format!("{} {} {}", calls, name, settings().get("name").text())),
    }
    decide(&Decision::new())
}
