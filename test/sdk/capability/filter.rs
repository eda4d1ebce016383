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

fn entry_of(key: &str) -> String {
    match kv::try_entry(key) {
        Err(kv::KvTrouble) => "trouble".into(),
        Ok(None) => "none".into(),
        Ok(Some(found)) => format!("{} {}", String::from_utf8_lossy(&found.value), found.expires),
    }
}

fn put(key: &str, value: &str) -> &'static str {
    kv::try_put(key, value.as_bytes(), 60).map_or("trouble", |()| "yes")
}

fn replaced(key: &str, value: &str, revision: i64) -> String {
    kv::try_replace(key, value.as_bytes(), revision, 60).map_or("trouble".into(), yes)
}

fn incremented(key: &str, by: i64) -> String {
    kv::try_increment(key, by, 60).map_or("trouble".into(), |sum| sum.to_string())
}

fn attempt() -> i32 {
    let long = settings().get("long").text();
    let mut seen = vec![entry_of("k"), replaced("k", "one", 0), replaced("k", "two", 0)];
    seen.push(replaced("k", "two", kv::entry("k").map_or(0, |found| found.revision)));
    seen.extend([entry_of("k"), incremented("m", 7), incremented("m", -9)]);
    log::info(&seen.join("|"));
    let mut beyond = vec![put("p", "x").into(), put("long", long).into(), replaced("long", long, 0)];
    beyond.extend([incremented(long, 1), entry_of("long")]);
    log::info(&beyond.join("|"));
    if settings().get("name").bool(false) {
        incremented("k", 1);
    }
    decide(&Decision::new())
}

#[no_mangle]
pub extern "C" fn on_rcpt() -> i32 {
    let url = settings().get("url").text();
    match settings().get("task").text() {
        "count" => return count_if_granted(),
        "try" => return attempt(),
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
