//! Adds a header field whose name and value are the operator's, and says in a tag what the mail is about.
use postern_plugin::{configured, decide, message, settings, Check, Decision};

#[no_mangle]
pub extern "C" fn configure() -> i32 {
    let check = Check::settings(&["name", "value"]);
    check.get("name").text(60);
    check.get("value").text(500);
    configured(&check.problem())
}

#[no_mangle]
pub extern "C" fn on_message() -> i32 {
    let mut decision = Decision::new();
    let name = settings().get("name").text_or("X-Scanned-By");
    message::header_add(name, settings().get("value").text_or("Postern"));
    if let Some(subject) = message::header("Subject") {
        decision.tag("subject", &subject);
    }
    decide(&decision)
}
