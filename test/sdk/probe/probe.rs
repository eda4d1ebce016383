//! Everything that the SDK of Rust offers, for `probe.test.ts`.
use postern_plugin::{configured, decide, domain_of, facts, local_part_of, log, message, parse_json, quote};
use postern_plugin::{settings, state, Check, Decision, Json, JsonKind, Part};

#[no_mangle]
pub extern "C" fn configure() -> i32 {
    let keys = ["task", "json", "score", "mode", "modes", "count", "flag", "list", "members", "lines", "words", "times"];
    let check = Check::settings(&keys);
    check.get("mode").one_of(&["a", "b"]);
    check.get("modes").any_of(&["a", "b"]);
    check.get("count").integer(-5, 10);
    check.get("flag").bool();
    let item = check.get("list").list().at(0);
    item.object(&["x"]).get("x").text(3);
    item.at(0).text(2);
    check.get("members").members();
    check.get("lines").lines(5);
    configured(&check.problem())
}

fn dump(json: &Json) -> String {
    match json.kind {
        JsonKind::Missing => "-".into(),
        JsonKind::Text => quote(json.text()),
        JsonKind::Bool => if json.bool(false) { "yes" } else { "no" }.into(),
        JsonKind::Number => format!("{}={}", json.raw, json.integer(-1)),
        JsonKind::Null => "null".into(),
        JsonKind::List => format!("[{}]", json.items().iter().map(|item| dump(item) + ";").collect::<String>()),
        JsonKind::Object => {
            let member = |i| format!("{}:{};", quote(json.name_at(i)), dump(json.at(i)));
            format!("{{{}}}", (0..json.length()).map(member).collect::<String>())
        }
    }
}

#[no_mangle]
pub extern "C" fn on_connect() -> i32 {
    match parse_json(settings().get("json").text().as_bytes()) {
        None => log::info("no JSON"),
        Some(json) => log::info(&(dump(&json) + json.get("a").get("b").text_or("?"))),
    }
    log::warn(&dump(settings()));
    decide(Decision::new().score(settings().get("score").number(0.0)))
}

#[no_mangle]
pub extern "C" fn on_helo() -> i32 {
    let before = state::get_text("long");
    let none = if state::get("none").is_none() { " none" } else { "" };
    log::info(&format!("{}{}", before.chars().count(), none));
    state::set_text("long", &if before.is_empty() { "ü".repeat(400) } else { String::new() });
    decide(Decision::new().finally())
}

#[no_mangle]
pub extern "C" fn on_mail() -> i32 {
    let now = facts();
    let recipients: Vec<_> = now.recipients().collect();
    let one = recipients[0];
    let all = [
        now.stage(),
        now.session(),
        now.transaction(),
        now.service(),
        now.listener(),
        now.protocol(),
        now.client_address(),
        &now.client_port().to_string(),
        now.helo_verb(),
        now.helo(),
        &now.has_tls().to_string(),
        now.tls_version(),
        now.tls_cipher(),
        now.user(),
        &now.has_sender().to_string(),
        now.sender(),
        now.sender_param("SIZE"),
        one.address(),
        one.original(),
        one.param("NOTIFY"),
        recipients[1].original(),
        now.recipient(),
        now.tag("spam"),
        &now.message_size().to_string(),
        domain_of(one.address()),
        local_part_of(one.address()),
    ];
    log::info(&all.join("|"));
    decide(Decision::new().score(now.score()))
}

#[no_mangle]
pub extern "C" fn on_rcpt() -> i32 {
    decide(Decision::new().bounce().rewrite(&format!("{}x", facts().recipient())).disconnect())
}

#[no_mangle]
pub extern "C" fn on_data() -> i32 {
    let mut decision = Decision::new();
    decision.sender("").add_recipient("c@example.com").add_recipient("d@example.com");
    decision.next_hop("a").folder("b").discard();
    let ann = decision.recipient("ann@example.com").tempfail(451, "", "later\r\n250 OK");
    ann.folder("f").next_hop("n").replace(&["x@y", "z@y"]);
    decision.recipient("eve@example.com").reject(550, "5.7.1", "\"no\"\\").replace(&[]);
    decision.recipient("bob@example.com").quarantine();
    decision.recipient("kim@example.com").discard();
    decision.recipient("sue@example.com").bounce();
    decision.reason(&format!("x\n\"\\{}", "y".repeat(500)));
    decision.tag("k\0", &"v".repeat(600)).tag("z", "w");
    decide(&decision)
}

#[no_mangle]
pub extern "C" fn on_message() -> i32 {
    match settings().get("task").text() {
        "name" => message::header_insert(0, "X A", "b"),
        "value" => message::header_add("X-A", "b\r\nX-B: c"),
        "index" => message::header_remove(99),
        "change" => message::header_change(99, "x"),
        "bare" => message::splice(0, 0, b"\n"),
        "part" => drop(Part::new(99)),
        "part-read" => {
            let mut part = Part::new(0);
            part.index = 99;
            part.read(0, &mut [0]);
        }
        "says" => search(),
        "state" => state::set("large", &[0; 70000]),
        "edit" => return edit(),
        _ => (),
    }
    decide(Decision::new().quarantine())
}

/// What each part says of the words; of the first one it is asked many times.
fn search() {
    let words = settings().get("words").texts();
    for part in Part::all() {
        for _ in 0..settings().get("times").integer(0) {
            part.says(words[0]);
        }
        log::info(&words.iter().map(|word| if part.says(word) { 'y' } else { 'n' }).collect::<String>());
    }
}

fn edit() -> i32 {
    let mut whole = [0; 1000];
    let size = message::read(0, &mut whole);
    let index = |found: Option<usize>| found.map_or(-1, |index| index as i32);
    log::info(&format!(
        "{} {} {} {} {} {} {} {}",
        message::size(),
        size,
        message::read(5000, &mut whole),
        message::header_count(),
        message::header_name(0),
        message::header_value(0),
        index(message::header_find("received", 1)),
        index(message::header_find("nope", 0)),
    ));
    for part in Part::all() {
        let mut body = [0; 100];
        let decoded = part.read(2, &mut body);
        log::debug(&format!(
            "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
            part.index,
            index(part.parent()),
            part.depth(),
            part.kind(),
            part.charset(),
            part.name(),
            part.disposition(),
            part.encoding(),
            part.offset(),
            part.header_size(),
            part.size(),
            String::from_utf8_lossy(&body[..decoded]),
        ));
    }
    message::header_insert(0, "X-First", "first");
    message::header_change(0, "changed");
    if let Some(second) = message::header_find("Received", 1) {
        message::header_remove(second);
    }
    message::splice(message::size(), 0, b"end\r\n");
    log::error("done");
    decide(Decision::new().tempfail(450, "4.2.0", "edited").score(-0.125))
}

#[no_mangle]
pub extern "C" fn on_report() -> i32 {
    for one in facts().outcomes() {
        log::info(&[one.recipient(), one.disposition(), one.reply()].join("|"));
    }
    for part in facts().message_parts() {
        let (depth, size) = (part.depth().to_string(), part.size().to_string());
        log::info(&[part.kind(), part.name(), part.disposition(), part.encoding(), &depth, &size].join("|"));
    }
    log::info(&format!("{} of {}", facts().message_parts().count(), facts().message_part_count()));
    decide(&Decision::new())
}
