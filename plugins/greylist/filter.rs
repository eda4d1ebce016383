//! Greylisting (RFC 4496 section 4.4, RFC 6647): a sender that is new to a recipient is told to come back, which a mail server does and
//! most spam software does not. Settings: README.md.
use postern_plugin::kv::{self, KvTrouble};
use postern_plugin::{
    configured, decide, domain_of, facts, local_part_of, settings, Check, Decision, Facts, RecipientFacts,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets of an address in a key, which has at most 512; what is longer is cut.
const ADDRESS_LIMIT: usize = 200;
const DAY: i32 = 86_400;

#[no_mangle]
pub extern "C" fn configure() -> i32 {
    let check = Check::settings(&[
        "delaySeconds",
        "retryWindowSeconds",
        "rememberSeconds",
        "whitelistAfter",
        "ipv4Prefix",
        "ipv6Prefix",
        "skipAuthenticated",
        "onStoreFailure",
        "text",
    ]);
    check.get("delaySeconds").integer(1, 3600);
    check.get("retryWindowSeconds").integer(7200, 30 * DAY);
    check.get("rememberSeconds").integer(DAY, 400 * DAY);
    check.get("whitelistAfter").integer(0, 1000);
    check.get("ipv4Prefix").integer(8, 32);
    check.get("ipv6Prefix").integer(16, 128);
    check.get("skipAuthenticated").bool();
    check.get("onStoreFailure").one_of(&["accept", "tempfail"]);
    check.get("text").text(400);
    configured(&check.problem())
}

/// The null sender waits until DATA: who says `MAIL FROM:<>`, `RCPT TO` and no more is often a server that only asks whether our
/// address exists, before it takes mail from it.
#[no_mangle]
pub extern "C" fn on_rcpt() -> i32 {
    let now = facts();
    let mut decision = Decision::new();
    if is_asked(&now) && !now.sender().is_empty() {
        for recipient in now.recipients() {
            if let Outcome::Wait(seconds) = judge(&now, &recipient, &mut decision) {
                decision.tempfail(451, "4.7.1", reply_text()).reason(&wait_reason(seconds));
            }
        }
    }
    decide(&decision)
}

#[no_mangle]
pub extern "C" fn on_data() -> i32 {
    let now = facts();
    let mut decision = Decision::new();
    if !is_asked(&now) || !now.sender().is_empty() {
        return decide(&decision);
    }
    let mut waiting = Vec::new();
    let mut longest = 0;
    for recipient in now.recipients() {
        if let Outcome::Wait(seconds) = judge(&now, &recipient, &mut decision) {
            waiting.push(recipient.address());
            longest = longest.max(seconds);
        }
    }
    if waiting.is_empty() {
        return decide(&decision);
    }
    decision.reason(&wait_reason(longest));
    if waiting.len() == now.recipients().count() {
        decision.tempfail(451, "4.7.1", reply_text());
    } else {
        for address in waiting {
            decision.recipient(address).tempfail(451, "4.7.1", reply_text());
        }
    }
    decide(&decision)
}

enum Outcome {
    Pass,
    Wait(i64),
}

fn is_asked(now: &Facts) -> bool {
    now.user().is_empty() || !settings().get("skipAuthenticated").bool(true)
}

fn judge(now: &Facts, recipient: &RecipientFacts, decision: &mut Decision) -> Outcome {
    match look_up(now, recipient, decision) {
        Ok(outcome) => outcome,
        Err(KvTrouble) if settings().get("onStoreFailure").text() == "tempfail" => Outcome::Wait(delay()),
        Err(KvTrouble) => {
            decision.tag("greylist", "not asked: its store is full or out of order");
            Outcome::Pass
        }
    }
}

/// `n NETWORK` counts the triplets of a network that have passed. `t TRIPLET` is `new WINDOW` from the first attempt on, with the
/// window that it was given, so that what is left of it tells its age; and `passed` from the first attempt after the delay on.
fn look_up(now: &Facts, recipient: &RecipientFacts, decision: &mut Decision) -> Result<Outcome, KvTrouble> {
    let network = network_of(now.client_address());
    let network_key = format!("n {}", network);
    let needed = settings().get("whitelistAfter").integer(5);
    if needed > 0 {
        if let Some(known) = kv::try_entry(&network_key)? {
            if number_in(&known.value) >= i64::from(needed) {
                keep(&network_key, &known)?;
                return Ok(Outcome::Pass);
            }
        }
    }
    let key = format!("t {} {} {}", network, sender_key(now.sender_normal()), head(recipient.normal()));
    let known = match kv::try_entry(&key)? {
        Some(known) => known,
        None => {
            // If another session was first, its record counts, and says the same.
            let window = settings().get("retryWindowSeconds").integer(2 * DAY);
            kv::try_replace(&key, format!("new {}", window).as_bytes(), 0, window)?;
            return Ok(Outcome::Wait(delay()));
        }
    };
    if known.value == b"passed" {
        keep(&key, &known)?;
        return Ok(Outcome::Pass);
    }
    let age = number_in(&known.value) - known.expires;
    if age < delay() {
        return Ok(Outcome::Wait(delay() - age));
    }
    // Of several sessions that come at once, one makes the change, and counts.
    if kv::try_replace(&key, b"passed", known.revision, remember())? && needed > 0 {
        kv::try_increment(&network_key, 1, remember())?;
    }
    decision.tag("greylist", &format!("passed after {} s", age));
    Ok(Outcome::Pass)
}

/// Gives what is in use a new term, once half of it is over: not a change on the disk for each message.
fn keep(key: &str, known: &kv::KvEntry) -> Result<(), KvTrouble> {
    if known.expires < i64::from(remember() / 2) {
        kv::try_replace(key, &known.value, known.revision, remember())?;
    }
    Ok(())
}

fn delay() -> i64 {
    i64::from(settings().get("delaySeconds").integer(300))
}

fn remember() -> i32 {
    settings().get("rememberSeconds").integer(35 * DAY)
}

fn reply_text() -> &'static str {
    settings().get("text").text_or("Greylisted, please try again later")
}

fn wait_reason(seconds: i64) -> String {
    format!("greylisted, {} s to wait", seconds)
}

/// The number that ends a value.
fn number_in(value: &[u8]) -> i64 {
    let text = String::from_utf8_lossy(value);
    text.rsplit(' ').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn network_of(address: &str) -> String {
    let bare = address.split('%').next().unwrap_or(address);
    match bare.parse() {
        Ok(IpAddr::V4(v4)) => v4_network(v4),
        Ok(IpAddr::V6(v6)) => v6.to_ipv4_mapped().map_or_else(|| v6_network(v6), v4_network),
        Err(_) => String::from(address),
    }
}

fn v4_network(address: Ipv4Addr) -> String {
    let bits = settings().get("ipv4Prefix").integer(24) as u32;
    format!("{}/{}", Ipv4Addr::from(u32::from(address) & (!0 << (32 - bits))), bits)
}

fn v6_network(address: Ipv6Addr) -> String {
    let bits = settings().get("ipv6Prefix").integer(64) as u32;
    format!("{}/{}", Ipv6Addr::from(u128::from(address) & (!0 << (128 - bits))), bits)
}

/// Lists and bounce handlers give each message a sender of its own (VERP, BATV): what is after a `+` is left out, and numbers count
/// as one, as other greylisters do it.
fn sender_key(address: &str) -> String {
    let local = local_part_of(address);
    let mut key = String::new();
    for character in local.split('+').next().unwrap_or(local).chars() {
        if !character.is_ascii_digit() {
            key.push(character);
        } else if !key.ends_with('#') {
            key.push('#');
        }
    }
    head(&[key.as_str(), "@", domain_of(address)].concat()).into()
}

fn head(text: &str) -> &str {
    let mut end = text.len().min(ADDRESS_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
