//! What the host says about the session and the transaction: `sdk/ABI.md`, "Facts".
use crate::abi;
use crate::extism::{fail, read_input};
use crate::json::{parse_json, Json};
use alloc::boxed::Box;

/// Texts that are absent are empty.
#[derive(Clone, Copy)]
pub struct Facts {
    /// All of it, for what has no accessor here.
    pub json: &'static Json,
}

/// With the address of the input that they are from: an instance may answer several calls, each with an input of its own.
static mut PARSED: Option<(u64, Facts)> = None;

/// The facts of this call; not in `configure`, whose input is the settings.
pub fn facts() -> Facts {
    let input = unsafe { abi::input_offset() };
    // A filter has one thread.
    match unsafe { PARSED } {
        Some((of, parsed)) if of == input => return parsed,
        _ => (),
    }
    let json = match parse_json(&read_input()) {
        Some(json) => json,
        None => fail("Cannot read the facts: not JSON, or nested deeper than 64"),
    };
    let parsed = Facts { json: Box::leak(Box::new(json)) };
    unsafe { PARSED = Some((input, parsed)) };
    parsed
}

impl Facts {
    pub fn stage(&self) -> &'static str {
        self.json.get("stage").text()
    }

    pub fn session(&self) -> &'static str {
        self.json.get("session").text()
    }

    pub fn transaction(&self) -> &'static str {
        self.json.get("transaction").text()
    }

    /// This service's name, as the operator configured it.
    pub fn service(&self) -> &'static str {
        self.json.get("service").text()
    }

    pub fn listener(&self) -> &'static str {
        self.json.get("listener").get("name").text()
    }

    /// `smtp submission lmtp`
    pub fn protocol(&self) -> &'static str {
        self.json.get("listener").get("protocol").text()
    }

    /// The client's IPv4 or IPv6 address.
    pub fn client_address(&self) -> &'static str {
        self.client("address").text()
    }

    pub fn client_port(&self) -> i32 {
        self.client("port").integer(0)
    }

    /// The name that the client gave with HELO, EHLO or LHLO.
    pub fn helo(&self) -> &'static str {
        self.client("helo").get("name").text()
    }

    /// `HELO EHLO LHLO`
    pub fn helo_verb(&self) -> &'static str {
        self.client("helo").get("verb").text()
    }

    pub fn has_tls(&self) -> bool {
        !self.client("tls").is_missing()
    }

    pub fn tls_version(&self) -> &'static str {
        self.client("tls").get("version").text()
    }

    pub fn tls_cipher(&self) -> &'static str {
        self.client("tls").get("cipher").text()
    }

    /// Who authenticated; empty if nobody did.
    pub fn user(&self) -> &'static str {
        self.client("user").text()
    }

    /// Tells the null reverse-path from "no MAIL yet": both have an empty sender.
    pub fn has_sender(&self) -> bool {
        !self.json.get("sender").is_missing()
    }

    pub fn sender(&self) -> &'static str {
        self.json.get("sender").get("address").text()
    }

    /// The form of it to compare: lower case, unquoted where possible, the domain in A-labels.
    pub fn sender_normal(&self) -> &'static str {
        self.json.get("sender").get("normal").text()
    }

    /// A parameter of MAIL, its name in upper case.
    pub fn sender_param(&self, name: &str) -> &'static str {
        self.json.get("sender").get("params").get(name).text()
    }

    /// At `rcpt` the one asked about; from `data` on all that were accepted.
    pub fn recipients(&self) -> impl Iterator<Item = RecipientFacts> {
        self.json.get("recipients").items().iter().map(|json| RecipientFacts { json })
    }

    /// At `rcpt`: the address asked about.
    pub fn recipient(&self) -> &'static str {
        self.json.get("recipients").at(0).get("address").text()
    }

    /// The form of it to compare, as `sender_normal`.
    pub fn recipient_normal(&self) -> &'static str {
        self.json.get("recipients").at(0).get("normal").text()
    }

    /// Octets.
    pub fn message_size(&self) -> i32 {
        self.json.get("message").get("size").integer(0)
    }

    /// Where the manifest asks for `parts`: the message's MIME parts as it arrived, itself first; as many as the facts have room for.
    pub fn message_parts(&self) -> impl Iterator<Item = PartFacts> {
        self.json.get("message").get("parts").items().iter().map(|json| PartFacts { json })
    }

    /// How many the message has.
    pub fn message_part_count(&self) -> i32 {
        self.json.get("message").get("partCount").integer(0)
    }

    /// What an earlier service said with that tag.
    pub fn tag(&self, name: &str) -> &'static str {
        self.json.get("tags").get(name).text()
    }

    /// The sum of what earlier services said.
    pub fn score(&self) -> f64 {
        self.json.get("score").number(0.0)
    }

    /// At `report`: what became of each recipient.
    pub fn outcomes(&self) -> impl Iterator<Item = OutcomeFacts> {
        self.json.get("outcomes").items().iter().map(|json| OutcomeFacts { json })
    }

    fn client(&self, name: &str) -> &'static Json {
        self.json.get("client").get(name)
    }
}

#[derive(Clone, Copy)]
pub struct RecipientFacts {
    pub json: &'static Json,
}

impl RecipientFacts {
    /// As it now is, after rewrites.
    pub fn address(&self) -> &'static str {
        self.json.get("address").text()
    }

    /// The form of it to compare: lower case, unquoted where possible, the domain in A-labels.
    pub fn normal(&self) -> &'static str {
        self.json.get("normal").text()
    }

    /// As the client gave it.
    pub fn original(&self) -> &'static str {
        self.json.get("original").text_or(self.address())
    }

    /// A parameter of RCPT, its name in upper case.
    pub fn param(&self, name: &str) -> &'static str {
        self.json.get("params").get(name).text()
    }
}

/// One MIME part of the message, without its content.
#[derive(Clone, Copy)]
pub struct PartFacts {
    pub json: &'static Json,
}

impl PartFacts {
    /// `type/subtype` in lower case. (`type` is a reserved word.)
    pub fn kind(&self) -> &'static str {
        self.json.get("type").text()
    }

    /// File name, decoded; empty if not given.
    pub fn name(&self) -> &'static str {
        self.json.get("name").text()
    }

    /// `attachment`, `inline` …; empty if not given.
    pub fn disposition(&self) -> &'static str {
        self.json.get("disposition").text()
    }

    /// Content-Transfer-Encoding in lower case.
    pub fn encoding(&self) -> &'static str {
        self.json.get("encoding").text()
    }

    /// 0 for the message itself, 1 for its parts, and so on.
    pub fn depth(&self) -> i32 {
        self.json.get("depth").integer(0)
    }

    /// Octets of its body as encoded.
    pub fn size(&self) -> i32 {
        self.json.get("size").integer(0)
    }
}

#[derive(Clone, Copy)]
pub struct OutcomeFacts {
    pub json: &'static Json,
}

impl OutcomeFacts {
    pub fn recipient(&self) -> &'static str {
        self.json.get("recipient").text()
    }

    /// `deliver reject tempfail discard quarantine bounce`
    pub fn disposition(&self) -> &'static str {
        self.json.get("disposition").text()
    }

    /// What the client was told, `250 2.0.0 OK`.
    pub fn reply(&self) -> &'static str {
        self.json.get("reply").text()
    }
}
