//! What the SDK of Rust offers of capabilities, for `capability.test.ts`.
use postern_plugin::{clock, decide, fail, http, kv, log, settings, Decision, JsonObject};

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

fn expiry(key: &str) -> String {
    kv::entry(key).map_or("none".into(), |found| found.expires.to_string())
}

fn count_if_granted() -> i32 {
    let mut decision = Decision::new();
    let count = if kv::is_granted() { kv::increment("n", 1, 0).to_string() } else { "none".into() };
    decision.tag("count", &count);
    decision.tag("others", &(yes(clock::is_granted()) + &yes(http::is_granted())));
    decide(&decision)
}

#[no_mangle]
pub extern "C" fn on_rcpt() -> i32 {
    let url = settings().get("url").text();
    match settings().get("task").text() {
        "count" => return count_if_granted(),
        "key" => kv::put_text("", "x", 0),
        "quota" => kv::put_text("long", settings().get("long").text(), 0),
        "outage" => {
            let nothing = http::request("GET", settings().get("down").text(), None, None);
            fail(&format!("no answer: {}", nothing.error));
        }
        _ => {}
    }
    let mut seen = vec![yes(clock::now() > 1700000000000)];
    seen.push(kv::get_text("none"));
    kv::put_text("a", "ä\n\"", 0);
    seen.push(kv::get_text("a"));
    seen.push(expiry("a"));
    seen.push(yes(kv::replace("a", b"b", 0, 0)));
    let revision = kv::entry("a").map_or(0, |found| found.revision);
    seen.push(yes(kv::replace("a", b"", revision, 60)));
    seen.push(kv::get_text("a"));
    seen.push(expiry("a"));
    seen.push(kv::increment("n", 9007199254740000, 0).to_string());
    seen.push(kv::increment("n", -9007199254740007, 0).to_string());
    seen.push(yes(kv::remove("a")));
    seen.push(yes(kv::remove("a")));
    let mut headers = JsonObject::new();
    headers.text("X-Test", "one");
    let answer = http::request("POST", &format!("{}/echo", url), Some(&headers), Some(b"two\nthree"));
    seen.push(answer.status.to_string());
    seen.push(answer.header("x-answer").into());
    seen.push(answer.text());
    let denied = http::request("GET", "http://127.0.0.2/", None, None);
    seen.push(denied.status.to_string());
    seen.push(denied.error.into());
    log::info(&seen.join("|"));
    let mut decision = Decision::new();
    decision.tag("answer", &answer.text());
    decide(&decision)
}
