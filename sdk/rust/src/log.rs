//! Lines in Postern's log, under the service's name. What is over the service's log limit is dropped.
use crate::abi;
use crate::extism::to_extism;

pub fn debug(text: &str) {
    unsafe { abi::log_debug(to_extism(text)) }
}

pub fn info(text: &str) {
    unsafe { abi::log_info(to_extism(text)) }
}

pub fn warn(text: &str) {
    unsafe { abi::log_warn(to_extism(text)) }
}

pub fn error(text: &str) {
    unsafe { abi::log_error(to_extism(text)) }
}
