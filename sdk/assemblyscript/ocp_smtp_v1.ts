/**
 * The calls of `sdk/ABI.md` as they are. AssemblyScript takes the import module's name from this file's name,
 * and a call that a plugin does not reach is not imported: the import section stays an honest audit.
 */
export declare function message_size(): i32;
export declare function message_read(off: i32, ptr: usize, len: i32): i32;
export declare function header_count(): i32;
export declare function header_find(namePtr: usize, nameLen: i32, nth: i32): i32;
export declare function header_name(index: i32, ptr: usize, cap: i32): i32;
export declare function header_value(index: i32, ptr: usize, cap: i32): i32;
export declare function part_count(): i32;
export declare function part_info(index: i32, ptr: usize, cap: i32): i32;
export declare function part_read(index: i32, off: i32, ptr: usize, len: i32): i32;

export declare function splice(off: i32, remove: i32, ptr: usize, len: i32): i32;
export declare function header_add(namePtr: usize, nameLen: i32, valuePtr: usize, valueLen: i32): i32;
export declare function header_insert(
  index: i32,
  namePtr: usize,
  nameLen: i32,
  valuePtr: usize,
  valueLen: i32,
): i32;
export declare function header_change(index: i32, valuePtr: usize, valueLen: i32): i32;
export declare function header_remove(index: i32): i32;
export declare function part_replace(index: i32, typePtr: usize, typeLen: i32, ptr: usize, len: i32): i32;

export declare function state_get(keyPtr: usize, keyLen: i32, ptr: usize, cap: i32): i32;
export declare function state_set(keyPtr: usize, keyLen: i32, ptr: usize, len: i32): i32;

export declare function auth(ptr: usize, len: i32): i32;
export declare function blob(ptr: usize, len: i32): i32;
export declare function clock(ptr: usize, len: i32): i32;
export declare function directory(ptr: usize, len: i32): i32;
export declare function dns(ptr: usize, len: i32): i32;
export declare function http(ptr: usize, len: i32): i32;
export declare function key(ptr: usize, len: i32): i32;
export declare function kv(ptr: usize, len: i32): i32;
export declare function notify(ptr: usize, len: i32): i32;
export declare function scan(ptr: usize, len: i32): i32;
export declare function answer_read(off: i32, ptr: usize, len: i32): i32;
