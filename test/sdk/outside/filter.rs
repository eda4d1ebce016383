//! What the SDK of Rust offers of look-ups, keys, scanners, files and notices, for `outside.test.ts`.
use postern_plugin::auth::AuthResult;
use postern_plugin::blob::{BlobLink, BlobRules};
use postern_plugin::directory::DirectoryAnswer;
use postern_plugin::dns::DnsAnswer;
use postern_plugin::scan::ScanVerdict;
use postern_plugin::secure::{Secure, SecureAnswer};
use postern_plugin::signing::SignedFields;
use postern_plugin::{auth, blob, decide, directory, dns, fail, http, log, message, notify, scan, secure};
use postern_plugin::{settings, signing, Decision, JsonList, JsonObject, Part};

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn see(seen: &[&str]) {
    log::info(&seen.join("|"));
}

fn see_dns(answer: DnsAnswer) {
    let (ttl, count) = (answer.ttl.to_string(), answer.records().len().to_string());
    see(&[answer.error, &answer.result, &ttl, &count, &answer.texts().join(",")]);
}

fn look_up() {
    see_dns(dns::query("A", "example.test"));
    let mx = dns::query("MX", "Example.TEST.");
    let priority = mx.records().first().map_or(0, |record| record.get("priority").integer(0));
    see_dns(mx);
    log::info(&priority.to_string());
    see_dns(dns::query("TXT", "example.test"));
    see_dns(dns::query("AAAA", "example.test"));
    see_dns(dns::query("A", "nobody.example.test"));
    see_dns(dns::reverse("192.0.2.7"));
    see_dns(dns::listed("192.0.2.7", "list.test"));
    see_dns(dns::query("A", "example.org"));
    see_dns(dns::query("A", "ä\"\\\n"));
}

fn see_directory(answer: DirectoryAnswer) {
    see(&[
        answer.error,
        yes(answer.is_found()),
        &answer.rows().len().to_string(),
        answer.value("store"),
        &answer.values("alias").join(","),
        answer.value("none"),
        &answer.values("none").len().to_string(),
    ]);
}

fn find() {
    see_directory(directory::find("staff", "ann@example.com"));
    see_directory(directory::find("staff", "nobody@example.com"));
    see_directory(directory::find("others", "ann@example.com"));
    see_directory(directory::find("staff", ""));
}

fn see_result(result: AuthResult) {
    see(&[result.result(), result.reason(), result.domain()]);
}

fn authenticate() {
    let results = auth::results();
    see_result(results.spf());
    log::info(&results.dkim().count().to_string());
    results.dkim().for_each(see_result);
    see_result(results.arc());
    see_result(results.dmarc());
    see(&[results.policy(), &results.sealers().join(","), results.sealed(), &results.texts().join(",")]);
}

fn see_verdict(verdict: ScanVerdict) {
    see(&[yes(verdict.is_clean), &verdict.name, verdict.error]);
}

fn scan_all() {
    for part in Part::all() {
        see_verdict(scan::part(&part));
    }
    see_verdict(scan::message());
    see_verdict(scan::octets(settings().get("virus").text().as_bytes()));
    see_verdict(scan::octets(b"harmless\n{}"));
    see_verdict(scan::octets(b""));
}

fn add(signed: SignedFields) {
    see(&[signed.error, yes(!signed.fields.is_empty())]);
    message::splice(0, 0, &signed.fields);
}

fn sign() {
    add(signing::dkim("ours", None));
    let mut headers = JsonList::new();
    headers.text("From").text("Subject");
    let mut options = JsonObject::new();
    options.json("headers", &headers.to_json()).integer("expires", 86400);
    add(signing::dkim("ours", Some(&options)));
    add(signing::arc("ours", "mx.example.test", &["spf=pass smtp.mailfrom=example.net", "dkim=none"]));
    add(signing::arc("ours", "\"ours quoted\"", &[]));
    add(signing::dkim("theirs", None));
}

fn notify_all() {
    let mut seen = vec![yes(notify::sender("A \"virus\"", "It was ä\nvirus.\n"))];
    seen.push(yes(notify::recipients("for you", "")));
    seen.push(yes(notify::postmaster("for her", "x")));
    seen.push(yes(notify::notice("sender", "by name", "y")));
    seen.push(yes(notify::incident("warning", "virus-found", "Eicar in a.zip", None)));
    let mut fields = JsonObject::new();
    fields.text("signature", "Eicar \"x\"").text("file", "ä");
    seen.push(yes(notify::incident("critical", "worse", "more\nof it", Some(&fields))));
    see(&seen);
}

fn post() {
    let mut headers = JsonObject::new();
    headers.text("X-Test", "one");
    let url = format!("{}/post", settings().get("url").text());
    let answer = http::post_message(&url, Some(&headers));
    see(&[&answer.status.to_string(), answer.error, &answer.text()]);
}

fn see_link(link: &BlobLink) {
    let (size, expires) = (link.size.to_string(), link.expires.to_string());
    see(&[link.error, &link.url, &link.id, &size, &link.sha256, &expires]);
}

fn keep() {
    let none = BlobRules::default();
    let part = Part::new(2);
    let link = blob::part(&part, "a \"b\".pdf", &none);
    see_link(&link);
    let clients = ["192.0.2.0/24", "2001:db8::1"];
    let all = BlobRules { expires: 600, downloads: 3, password: "sésame", clients: &clients, confirm: true };
    see_link(&blob::octets(b"content\n{}", "", "text/plain", &all));
    see_link(&blob::octets(b"", &("😀".repeat(99) + "x😀"), "image/svg+xml", &none));
    for kind in settings().get("types").texts() {
        see_link(&blob::octets(b"x", "x", kind, &none));
    }
    see_link(&blob::part(&part, "x", &BlobRules { expires: 1_000_000_000, ..none }));
    see(&[yes(blob::remove(&link.id)), yes(blob::remove(&link.id))]);
}

fn see_secure(answer: &SecureAnswer) {
    let recipients = answer.json.get("recipients").texts().join(",");
    see(&[answer.error, yes(answer.json.get("signs").bool(false)), &recipients, yes(answer.has_content())]);
    for layer in answer.layers() {
        see(&[layer.kind, layer.result, layer.reason]);
    }
}

fn protect() {
    let (openpgp, smime) = (Secure::new("openpgp"), Secure::new("smime"));
    let found = openpgp.find();
    see_secure(&found);
    see_secure(&smime.find());
    see_secure(&smime.protect(true, &[], "aes-256-gcm"));
    see_secure(&openpgp.protect(false, &["\"nobody\"@example.test"], ""));
    see_secure(&openpgp.open());
    let made = openpgp.protect(true, &found.json.get("recipients").texts(), "");
    see_secure(&made);
    made.apply();
    log::info(yes(secure::is_too_large()));
}

fn open() -> SecureAnswer {
    let opened = Secure::new("openpgp").open();
    see_secure(&opened);
    opened
}

fn stale() {
    let opened = open();
    Secure::new("smime").find();
    opened.apply();
}

fn granted() {
    see(&[
        yes(auth::is_granted()),
        yes(blob::is_granted()),
        yes(directory::is_granted()),
        yes(dns::is_granted()),
        yes(notify::is_granted()),
        yes(scan::is_granted()),
        yes(secure::is_granted()),
        yes(signing::is_granted()),
    ]);
}

#[no_mangle]
pub extern "C" fn on_message() -> i32 {
    match settings().get("task").text() {
        "dns" => look_up(),
        "directory" => find(),
        "auth" => authenticate(),
        "scan" => scan_all(),
        "sign" => sign(),
        "notify" => notify_all(),
        "post" => post(),
        "blob" => keep(),
        "remove" => drop(blob::remove("none")),
        "protect" => protect(),
        "open" | "border" => open().apply(),
        "stale" => stale(),
        "refused" => Secure::new("smime").protect(true, &[], "").apply(),
        "granted" => granted(),
        "to" => drop(notify::notice("everybody", "x", "y")),
        "event" => drop(notify::incident("warning", "Not one", "x", None)),
        "outage" => fail(&format!("no answer: {}", dns::query("A", "silent.test").error)),
        _ => {}
    }
    decide(&Decision::new())
}
