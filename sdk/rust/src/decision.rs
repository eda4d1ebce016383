use crate::extism::{fail, write_output};
use crate::json_writer::{quote, JsonList, JsonObject};
use crate::recipient_decision::{reply_json, RecipientDecision};
use crate::text::{decimal, line};
use alloc::string::String;
use alloc::vec::Vec;

/// What the filter proposes: `sdk/ABI.md`, "Decisions". `decide(&Decision::new())` is "nothing to say".
///
/// Texts often quote what a sender chose (file names, addresses). Control characters in them become spaces and what is
/// too long is cut, so that nobody can turn a decision into a failure by the name of an attachment.
#[derive(Clone, Default)]
pub struct Decision {
    members: JsonObject,
    recipients: Vec<RecipientDecision>,
    added: JsonList,
    tags: JsonObject,
}

impl Decision {
    pub fn new() -> Decision {
        Decision::default()
    }

    /// 5xx now. `enhanced` is an enhanced status code such as `5.7.1`, empty for none.
    pub fn reject(&mut self, code: i32, enhanced: &str, text: &str) -> &mut Decision {
        self.text("verdict", "reject").json("reply", &reply_json(code, enhanced, text))
    }

    /// 4xx now.
    pub fn tempfail(&mut self, code: i32, enhanced: &str, text: &str) -> &mut Decision {
        self.text("verdict", "tempfail").json("reply", &reply_json(code, enhanced, text))
    }

    /// 250, and the mail is dropped.
    pub fn discard(&mut self) -> &mut Decision {
        self.text("verdict", "discard")
    }

    /// 250, and the mail is held.
    pub fn quarantine(&mut self) -> &mut Decision {
        self.text("verdict", "quarantine")
    }

    /// 250, and the sender gets a non-delivery notice.
    pub fn bounce(&mut self) -> &mut Decision {
        self.text("verdict", "bounce")
    }

    /// Skips the services after this one. (`final` is a reserved word.)
    pub fn finally(&mut self) -> &mut Decision {
        self.json("final", "true")
    }

    /// Closes the session after the reply.
    pub fn disconnect(&mut self) -> &mut Decision {
        self.json("disconnect", "true")
    }

    /// At `helo`, `mail` and `rcpt`: the value to go on with.
    pub fn rewrite(&mut self, value: &str) -> &mut Decision {
        self.text("rewrite", value)
    }

    /// At `data` and `message`: another reverse-path; an empty one is the null one.
    pub fn sender(&mut self, address: &str) -> &mut Decision {
        self.text("sender", address)
    }

    /// What is proposed for one recipient that the facts named.
    pub fn recipient(&mut self, address: &str) -> &mut RecipientDecision {
        self.recipients.push(RecipientDecision::new(address));
        match self.recipients.last_mut() {
            Some(last) => last,
            None => core::arch::wasm32::unreachable(),
        }
    }

    /// At `data` and `message`: a further recipient, not shown to the client.
    pub fn add_recipient(&mut self, address: &str) -> &mut Decision {
        self.added.text(address);
        self
    }

    /// The name of a configured downstream.
    pub fn next_hop(&mut self, name: &str) -> &mut Decision {
        self.text("nextHop", name)
    }

    /// Advice for the store: the folder that the message belongs in.
    pub fn folder(&mut self, name: &str) -> &mut Decision {
        self.text("folder", name)
    }

    /// Shown to later services, and logged.
    pub fn tag(&mut self, name: &str, value: &str) -> &mut Decision {
        self.tags.text(&line(name, 64), &line(value, 512));
        self
    }

    /// Added to what earlier services said; to six decimals.
    pub fn score(&mut self, points: f64) -> &mut Decision {
        if !(points > -1e9 && points < 1e9) {
            fail("Cannot use a score beyond a thousand million");
        }
        let millionths = (points * 1e6 + if points < 0.0 { -0.5 } else { 0.5 }) as i64;
        self.json("score", &[&decimal(millionths), "e-6"].concat())
    }

    /// Why, for the quarantine list and the log.
    pub fn reason(&mut self, text: &str) -> &mut Decision {
        self.text("reason", &line(text, 400))
    }

    pub fn to_json(&self) -> String {
        let mut all = self.members.clone();
        if !self.recipients.is_empty() {
            let mut list = JsonList::new();
            for recipient in &self.recipients {
                list.json(&recipient.to_json());
            }
            all.json("recipients", &list.to_json());
        }
        if !self.added.is_empty() {
            all.json("addRecipients", &self.added.to_json());
        }
        if !self.tags.is_empty() {
            all.json("tags", &self.tags.to_json());
        }
        all.to_json()
    }

    fn text(&mut self, name: &str, value: &str) -> &mut Decision {
        self.json(name, &quote(value))
    }

    fn json(&mut self, name: &str, value: &str) -> &mut Decision {
        self.members.json(name, value);
        self
    }
}

/// Ends an `on_…` export: hands the decision to the host.
pub fn decide(decision: &Decision) -> i32 {
    write_output(&decision.to_json());
    0
}
