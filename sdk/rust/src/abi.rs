//! The calls of `sdk/ABI.md` as they are, and Extism's. A call that a filter does not reach is not imported: the import
//! section stays an honest audit.

pub const INVALID: i32 = -1;
pub const NOT_FOUND: i32 = -2;
pub const DENIED: i32 = -3;
pub const LIMIT: i32 = -4;
pub const UNAVAILABLE: i32 = -5;

#[link(wasm_import_module = "ocp_smtp_v1")]
extern "C" {
    pub fn message_size() -> i32;
    pub fn message_read(off: u32, ptr: *mut u8, len: usize) -> i32;
    pub fn header_count() -> i32;
    pub fn header_find(name_ptr: *const u8, name_len: usize, nth: u32) -> i32;
    pub fn header_name(index: u32, ptr: *mut u8, cap: usize) -> i32;
    pub fn header_value(index: u32, ptr: *mut u8, cap: usize) -> i32;
    pub fn part_count() -> i32;
    pub fn part_info(index: u32, ptr: *mut u8, cap: usize) -> i32;
    pub fn part_read(index: u32, off: u32, ptr: *mut u8, len: usize) -> i32;

    pub fn splice(off: u32, remove: u32, ptr: *const u8, len: usize) -> i32;
    pub fn header_add(name_ptr: *const u8, name_len: usize, value_ptr: *const u8, value_len: usize) -> i32;
    pub fn header_insert(
        index: u32,
        name_ptr: *const u8,
        name_len: usize,
        value_ptr: *const u8,
        value_len: usize,
    ) -> i32;
    pub fn header_change(index: u32, value_ptr: *const u8, value_len: usize) -> i32;
    pub fn header_remove(index: u32) -> i32;
    pub fn part_replace(index: u32, type_ptr: *const u8, type_len: usize, ptr: *const u8, len: usize) -> i32;

    pub fn state_get(key_ptr: *const u8, key_len: usize, ptr: *mut u8, cap: usize) -> i32;
    pub fn state_set(key_ptr: *const u8, key_len: usize, ptr: *const u8, len: usize) -> i32;

    pub fn auth(ptr: *const u8, len: usize) -> i32;
    pub fn blob(ptr: *const u8, len: usize) -> i32;
    pub fn clock(ptr: *const u8, len: usize) -> i32;
    pub fn directory(ptr: *const u8, len: usize) -> i32;
    pub fn dns(ptr: *const u8, len: usize) -> i32;
    pub fn http(ptr: *const u8, len: usize) -> i32;
    pub fn key(ptr: *const u8, len: usize) -> i32;
    pub fn kv(ptr: *const u8, len: usize) -> i32;
    pub fn notify(ptr: *const u8, len: usize) -> i32;
    pub fn scan(ptr: *const u8, len: usize) -> i32;
    pub fn answer_read(off: u32, ptr: *mut u8, len: usize) -> i32;
}

#[link(wasm_import_module = "extism:host/env")]
extern "C" {
    #[link_name = "alloc"]
    pub fn extism_alloc(size: u64) -> u64;
    #[link_name = "length"]
    pub fn extism_length(block: u64) -> u64;
    #[link_name = "load_u8"]
    pub fn extism_load_u8(address: u64) -> u32;
    #[link_name = "load_u64"]
    pub fn extism_load_u64(address: u64) -> u64;
    #[link_name = "store_u8"]
    pub fn extism_store_u8(address: u64, value: u32);
    #[link_name = "store_u64"]
    pub fn extism_store_u64(address: u64, value: u64);
    pub fn input_offset() -> u64;
    pub fn input_length() -> u64;
    pub fn input_load_u8(offset: u64) -> u32;
    pub fn input_load_u64(offset: u64) -> u64;
    pub fn output_set(block: u64, size: u64);
    pub fn error_set(block: u64);
    pub fn config_get(key: u64) -> u64;
    pub fn log_debug(block: u64);
    pub fn log_info(block: u64);
    pub fn log_warn(block: u64);
    pub fn log_error(block: u64);
}
