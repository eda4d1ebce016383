//! Everything a Postern filter needs: the facts of the stage, the message, its parts, state, settings, log, and the
//! decision. Beyond `core` and `alloc` it needs nothing. The contract beneath is `sdk/ABI.md`.
//!
//! A filter exports an `on_<stage>` function for every stage at which it wants to be asked; each ends in
//! `decide(&decision)`. What the host refuses ends the call as a failure of the service that names the reason; it never
//! becomes a decision by accident.
#![no_std]

extern crate alloc;

mod abi;
mod address;
mod answer;
pub mod auth;
pub mod blob;
mod check;
pub mod clock;
mod decision;
pub mod directory;
pub mod dns;
mod extism;
mod facts;
pub mod http;
mod json;
mod json_reader;
mod json_writer;
pub mod kv;
pub mod log;
mod memory;
pub mod message;
pub mod notify;
mod part;
mod recipient_decision;
pub mod scan;
pub mod secure;
mod settings;
pub mod signing;
pub mod state;
mod text;

pub use address::{domain_of, fold_case, local_part_of};
pub use check::Check;
pub use decision::{decide, Decision};
pub use extism::fail;
pub use facts::{facts, Facts, OutcomeFacts, PartFacts, RecipientFacts};
pub use json::{parse_json, Json, JsonKind};
pub use json_writer::{quote, JsonList, JsonObject};
pub use part::Part;
pub use recipient_decision::RecipientDecision;
pub use settings::{configured, settings};

/// Never called. Its presence among a module's exports says which version of `sdk/ABI.md` the filter speaks.
#[no_mangle]
pub extern "C" fn ocp_smtp_abi_1() {}
