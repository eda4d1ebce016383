//! Notices by mail, at stage `message`, and incidents, at every stage, as far as the operator grants them (capability
//! `notify`). They are proposed like an edit: nothing comes of them if the call fails, or if its service is in `monitor`.
//! False: not allowed, or more than a call may propose; that does not end the call. Control characters become spaces, and
//! what is too long is cut.
use crate::abi;
use crate::answer::{ask, is_granted_here};
use crate::extism::must_name;
use crate::json_writer::{quote, JsonObject};

/// Whether the operator grants any of it. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("notify")
}

pub fn sender(subject: &str, text: &str) -> bool {
    notice("sender", subject, text)
}

/// Each of the recipients that this service is asked about.
pub fn recipients(subject: &str, text: &str) -> bool {
    notice("recipients", subject, text)
}

pub fn postmaster(subject: &str, text: &str) -> bool {
    notice("postmaster", subject, text)
}

/// `severity` is `info`, `notice`, `warning`, `error` or `critical`, `event` what happened, as a program finds it:
/// `virus-found`.
pub fn incident(severity: &str, event: &str, text: &str, fields: Option<&JsonObject>) -> bool {
    let mut request = JsonObject::new();
    request.text("kind", "incident").text("severity", severity).text("event", event).text("text", text);
    if let Some(fields) = fields {
        request.json("fields", &fields.to_json());
    }
    proposed(ask(abi::notify, &request, None), "report the incident ", event)
}

/// `to` is `sender`, `recipients` or `postmaster`: for those that a setting names.
pub fn notice(to: &str, subject: &str, text: &str) -> bool {
    let mut request = JsonObject::new();
    request.text("kind", "notice").text("to", to).text("subject", subject);
    proposed(ask(abi::notify, &request, Some(text.as_bytes())), "give notice to ", to)
}

fn proposed(result: i32, what: &str, name: &str) -> bool {
    if result == abi::DENIED || result == abi::LIMIT {
        return false;
    }
    if result < 0 {
        must_name(result, what, &quote(name));
    }
    true
}
