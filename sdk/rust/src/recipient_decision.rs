use crate::json_writer::{quote, JsonList, JsonObject};
use crate::text::line;
use alloc::string::String;

/// What is proposed for one recipient; `Decision::recipient` makes one.
#[derive(Clone, Default)]
pub struct RecipientDecision {
    members: JsonObject,
}

impl RecipientDecision {
    pub(crate) fn new(address: &str) -> RecipientDecision {
        let mut decision = RecipientDecision::default();
        decision.text("address", address);
        decision
    }

    pub fn reject(&mut self, code: i32, enhanced: &str, text: &str) -> &mut RecipientDecision {
        self.text("verdict", "reject").json("reply", &reply_json(code, enhanced, text))
    }

    pub fn tempfail(&mut self, code: i32, enhanced: &str, text: &str) -> &mut RecipientDecision {
        self.text("verdict", "tempfail").json("reply", &reply_json(code, enhanced, text))
    }

    pub fn discard(&mut self) -> &mut RecipientDecision {
        self.text("verdict", "discard")
    }

    pub fn quarantine(&mut self) -> &mut RecipientDecision {
        self.text("verdict", "quarantine")
    }

    pub fn bounce(&mut self) -> &mut RecipientDecision {
        self.text("verdict", "bounce")
    }

    /// Goes to these addresses instead; to nobody if there are none.
    pub fn replace(&mut self, addresses: &[&str]) -> &mut RecipientDecision {
        let mut list = JsonList::new();
        for address in addresses {
            list.text(address);
        }
        self.json("replace", &list.to_json())
    }

    pub fn next_hop(&mut self, name: &str) -> &mut RecipientDecision {
        self.text("nextHop", name)
    }

    pub fn folder(&mut self, name: &str) -> &mut RecipientDecision {
        self.text("folder", name)
    }

    pub(crate) fn to_json(&self) -> String {
        self.members.to_json()
    }

    fn text(&mut self, name: &str, value: &str) -> &mut RecipientDecision {
        self.json(name, &quote(value))
    }

    fn json(&mut self, name: &str, value: &str) -> &mut RecipientDecision {
        self.members.json(name, value);
        self
    }
}

pub fn reply_json(code: i32, enhanced: &str, text: &str) -> String {
    let mut reply = JsonObject::new();
    reply.integer("code", code);
    if !enhanced.is_empty() {
        reply.text("enhanced", enhanced);
    }
    reply.text("text", &line(text, 400)).to_json()
}
