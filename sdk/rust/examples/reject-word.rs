//! Rejects mail whose text has a word, in upper or lower case, wherever one read ends and the next begins.
use postern_plugin::{configured, decide, fold_case, quote, settings, Check, Decision, Part};

#[no_mangle]
pub extern "C" fn configure() -> i32 {
    let check = Check::settings(&["word"]);
    check.get("word").required("required is a text").text(100);
    configured(&check.problem())
}

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
        break;
    }
    decide(&decision)
}
