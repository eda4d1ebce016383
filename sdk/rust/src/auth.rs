//! SPF, and at stage `message` DKIM, ARC and DMARC, of the message as it arrived (capability `auth`). From `mail` on. Worked
//! out once for all services. What can't be worked out ends the call: the operator's rule for outages applies.
use crate::abi;
use crate::answer::{ask, is_granted_here, Answer};
use crate::extism::must;
use crate::json::Json;
use crate::json_writer::JsonObject;
use alloc::vec::Vec;

/// What one mechanism found; texts are empty where there are none.
pub struct AuthResult<'a> {
    pub json: &'a Json,
}

impl<'a> AuthResult<'a> {
    /// A word of RFC 8601 section 2.7.
    pub fn result(&self) -> &'a str {
        self.json.get("result").text()
    }

    /// Why, in words.
    pub fn reason(&self) -> &'a str {
        self.json.get("reason").text()
    }

    pub fn domain(&self) -> &'a str {
        self.json.get("domain").text()
    }
}

pub struct AuthResults {
    pub json: Json,
}

impl AuthResults {
    pub fn spf(&self) -> AuthResult<'_> {
        self.of("spf")
    }

    /// Of each signature.
    pub fn dkim(&self) -> impl Iterator<Item = AuthResult<'_>> {
        self.json.get("dkim").items().iter().map(|json| AuthResult { json })
    }

    pub fn arc(&self) -> AuthResult<'_> {
        self.of("arc")
    }

    pub fn dmarc(&self) -> AuthResult<'_> {
        self.of("dmarc")
    }

    /// What the author's domain asks to be done with mail that fails DMARC: `none`, `quarantine`, `reject`.
    pub fn policy(&self) -> &str {
        self.json.get("dmarc").get("policy").text_or("none")
    }

    /// Who sealed a chain that holds, the first hop first.
    pub fn sealers(&self) -> Vec<&str> {
        self.json.get("arc").get("sealers").texts()
    }

    /// What the last of them said it had found.
    pub fn sealed(&self) -> &str {
        self.json.get("arc").get("results").text()
    }

    /// All of it as Authentication-Results says it, one item for each.
    pub fn texts(&self) -> Vec<&str> {
        self.json.get("texts").texts()
    }

    fn of(&self, mechanism: &str) -> AuthResult<'_> {
        AuthResult { json: self.json.get(mechanism) }
    }
}

/// For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("auth")
}

pub fn results() -> AuthResults {
    let size = must(ask(abi::auth, &JsonObject::new(), None), "authenticate the message");
    AuthResults { json: Answer::read(size).fields }
}
