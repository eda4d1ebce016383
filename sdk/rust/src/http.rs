//! Requests to the servers that the operator grants (capability `http`). That there is no answer does not end the call:
//! what a filter does then is its own decision. If the call fails after `UNAVAILABLE`, the operator's rule for outages
//! applies.
use crate::abi;
use crate::answer::{ask, content, is_granted_here, Answer};
use crate::extism::name_of;
use crate::json::Json;
use crate::json_writer::JsonObject;
use crate::text::decode;
use alloc::string::String;
use alloc::vec::Vec;

/// What a server answered, or why there is no answer.
pub struct HttpResponse {
    /// 0 if there is no answer.
    pub status: i32,
    /// `INVALID`, `DENIED`, `LIMIT` or `UNAVAILABLE` if there is no answer, else empty.
    pub error: &'static str,
    pub body: Vec<u8>,
    fields: Option<Json>,
}

impl HttpResponse {
    /// The value of a header field, its name in lower case; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.fields.as_ref().map_or("", |fields| fields.get("headers").get(name).text())
    }

    pub fn text(&self) -> String {
        decode(self.body.clone())
    }
}

/// Whether the operator grants it; without that `request` answers `DENIED`. For what the manifest has as optional.
pub fn is_granted() -> bool {
    is_granted_here("http")
}

pub fn request(
    method: &str,
    url: &str,
    headers: Option<&JsonObject>,
    body: Option<&[u8]>,
) -> HttpResponse {
    asked(&fields_of(method, url, headers), body)
}

/// A POST of the whole message, as it is: it does not pass through the plugin's memory. Stage `message` only.
pub fn post_message(url: &str, headers: Option<&JsonObject>) -> HttpResponse {
    let mut fields = fields_of("POST", url, headers);
    fields.json("content", &content(0, crate::message::size(), "").to_json());
    asked(&fields, None)
}

fn fields_of(method: &str, url: &str, headers: Option<&JsonObject>) -> JsonObject {
    let mut fields = JsonObject::new();
    fields.text("method", method).text("url", url);
    if let Some(headers) = headers {
        fields.json("headers", &headers.to_json());
    }
    fields
}

fn asked(fields: &JsonObject, body: Option<&[u8]>) -> HttpResponse {
    let size = ask(abi::http, fields, body);
    if size < 0 {
        return HttpResponse { status: 0, error: name_of(size), body: Vec::new(), fields: None };
    }
    let answer = Answer::read(size as usize);
    HttpResponse {
        status: answer.fields.get("status").integer(0),
        error: "",
        body: answer.octets,
        fields: Some(answer.fields),
    }
}
