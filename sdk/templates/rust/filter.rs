//! Refuses mail whose text says a word, and marks what it lets through.
use postern_plugin::{configured, decide, fold_case, message, quote, settings, Check, Decision, Part};

const CHUNK: usize = 4096;

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
    let mut buffer = vec![0; CHUNK + word.len()];
    for part in Part::all() {
        if !part.kind().starts_with("text/") || !says(&part, word.as_bytes(), &mut buffer) {
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

fn says(part: &Part, word: &[u8], buffer: &mut [u8]) -> bool {
    let mut kept = 0;
    let mut offset = 0;
    loop {
        let size = part.read(offset, &mut buffer[kept..kept + CHUNK]);
        if size == 0 {
            return false;
        }
        offset += size;
        let end = kept + size;
        buffer[kept..end].make_ascii_lowercase();
        if buffer[..end].windows(word.len()).any(|window| window == word) {
            return true;
        }
        // The word may straddle two reads: its length less one stays for the next.
        kept = end.min(word.len() - 1);
        buffer.copy_within(end - kept..end, 0);
    }
}
