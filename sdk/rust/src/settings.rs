use crate::extism::{fail, read_config, write_output};
use crate::json::{parse_json, Json, JsonKind};
use alloc::boxed::Box;

static mut PARSED: Option<&'static Json> = None;

/// The service's settings as the operator wrote them. Readable in every call, `configure` included.
pub fn settings() -> &'static Json {
    // A filter has one thread, and the value never changes once it is there.
    if let Some(parsed) = unsafe { PARSED } {
        return parsed;
    }
    let json = match read_config("settings") {
        None => Json::new(JsonKind::Missing),
        Some(octets) => match parse_json(&octets) {
            Some(json) => json,
            None => fail("Cannot read the settings: not JSON, or nested deeper than 64"),
        },
    };
    let parsed: &'static Json = Box::leak(Box::new(json));
    unsafe { PARSED = Some(parsed) };
    parsed
}

/// Ends `configure`: an empty text says that the settings are good, anything else is shown to the operator.
pub fn configured(problem: &str) -> i32 {
    if !problem.is_empty() {
        write_output(problem);
    }
    0
}
