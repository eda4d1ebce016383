//! Puts a text in the place of every attachment whose name has one of these extensions.
use postern_plugin::{configured, decide, quote, settings, Check, Decision, Part};

#[no_mangle]
pub extern "C" fn configure() -> i32 {
    let check = Check::settings(&["extensions"]);
    check.get("extensions").texts(20);
    configured(&check.problem())
}

fn refuses(name: &str) -> bool {
    let extensions = settings().get("extensions");
    let extension = name.rsplit('.').next().unwrap_or("");
    if extensions.is_missing() {
        return extension.eq_ignore_ascii_case("exe");
    }
    extensions.texts().iter().any(|refused| extension.eq_ignore_ascii_case(refused))
}

#[no_mangle]
pub extern "C" fn on_message() -> i32 {
    let mut decision = Decision::new();
    let mut replaced = usize::MAX;
    for part in Part::all() {
        // What is inside a part that goes, goes with it.
        if part.depth() > replaced {
            continue;
        }
        replaced = usize::MAX;
        let name = part.name();
        if name.is_empty() || !refuses(name) {
            continue;
        }
        let notice = format!("The attachment {} was removed.\r\n", quote(name));
        part.replace("text/plain; charset=utf-8", &notice);
        replaced = part.depth();
        decision.tag("attachment", name).reason(&format!("removed {}", name)).score(2.5);
    }
    decide(&decision)
}
