//! Refuses mail whose text says a word, and marks what it lets through.
use postern_plugin::{configured, decide, fold_case, message, quote, settings, Check, Decision, Part};

/// Asked once, when the service is loaded: what it says of the settings is what the operator reads.
#[no_mangle]
pub extern "C" fn configure() -> i32 {
    let check = Check::settings(&["word"]);
    check.get("word").required("required is a text").text(100);
    configured(&check.problem())
}

/// Asked about each message.
#[no_mangle]
pub extern "C" fn on_message() -> i32 {
    let mut decision = Decision::new();
    let word = fold_case(settings().get("word").text());
    for part in Part::all() {
        if !part.kind().starts_with("text/") || !part.says(&word) {
            continue;
        }
        decision
            .reject(550, "5.7.1", &format!("no mail about {} here", word))
            .reason(&format!("part {} says {}", part.index, quote(&word)));
        return decide(&decision);
    }
    message::header_add("X-Checked-By", "{{name}}");
    decide(&decision)
}
