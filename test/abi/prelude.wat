;; What every vector begins with: all host calls, one page of memory, and helpers. `wat.ts` puts it before the vector's own text.
;; Addresses 0 to 1023 are the prelude's; a vector keeps its data from 1024 on.

(import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
(import "extism:host/env" "free" (func $free (param i64)))
(import "extism:host/env" "length" (func $length (param i64) (result i64)))
(import "extism:host/env" "load_u8" (func $load_u8 (param i64) (result i32)))
(import "extism:host/env" "load_u64" (func $load_u64 (param i64) (result i64)))
(import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
(import "extism:host/env" "store_u64" (func $store_u64 (param i64 i64)))
(import "extism:host/env" "input_offset" (func $input_offset (result i64)))
(import "extism:host/env" "input_length" (func $input_length (result i64)))
(import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
(import "extism:host/env" "input_load_u64" (func $input_load_u64 (param i64) (result i64)))
(import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
(import "extism:host/env" "error_set" (func $error_set (param i64)))
(import "extism:host/env" "config_get" (func $config_get (param i64) (result i64)))
(import "extism:host/env" "var_get" (func $var_get (param i64) (result i64)))
(import "extism:host/env" "var_set" (func $var_set (param i64 i64)))
(import "extism:host/env" "log_info" (func $log_info (param i64)))
(import "extism:host/env" "log_warn" (func $log_warn (param i64)))

(import "ocp_smtp_v1" "message_size" (func $message_size (result i32)))
(import "ocp_smtp_v1" "message_read" (func $message_read (param i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_count" (func $header_count (result i32)))
(import "ocp_smtp_v1" "header_find" (func $header_find (param i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_name" (func $header_name (param i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_value" (func $header_value (param i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "part_count" (func $part_count (result i32)))
(import "ocp_smtp_v1" "part_info" (func $part_info (param i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "part_read" (func $part_read (param i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "splice" (func $splice (param i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_add" (func $header_add (param i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_insert" (func $header_insert (param i32 i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_change" (func $header_change (param i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "header_remove" (func $header_remove (param i32) (result i32)))
(import "ocp_smtp_v1" "part_replace" (func $part_replace (param i32 i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "state_get" (func $state_get (param i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "state_set" (func $state_set (param i32 i32 i32 i32) (result i32)))
(import "ocp_smtp_v1" "auth" (func $auth (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "blob" (func $blob (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "clock" (func $clock (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "directory" (func $directory (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "dns" (func $dns (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "http" (func $http (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "key" (func $key (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "kv" (func $kv (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "notify" (func $notify (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "scan" (func $scan (param i32 i32) (result i32)))
(import "ocp_smtp_v1" "answer_read" (func $answer_read (param i32 i32 i32) (result i32)))

(global (export "ocp_smtp_abi_1") i32 (i32.const 1))
(memory (export "memory") 1)
(data (i32.const 0) "{}")

(global $step (mut i32) (i32.const 0))
(global $wrong (mut i32) (i32.const 0))

;; Counts a check; the number of the first that fails is what $done returns.
(func $is (param $got i32) (param $want i32)
  (global.set $step (i32.add (global.get $step) (i32.const 1)))
  (if (i32.and (i32.ne (local.get $got) (local.get $want)) (i32.eqz (global.get $wrong)))
    (then (global.set $wrong (global.get $step)))))

;; 1 if the two ranges hold the same octets.
(func $same (param $a i32) (param $b i32) (param $len i32) (result i32)
  (loop $next
    (if (i32.eqz (local.get $len)) (then (return (i32.const 1))))
    (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b))) (then (return (i32.const 0))))
    (local.set $a (i32.add (local.get $a) (i32.const 1)))
    (local.set $b (i32.add (local.get $b) (i32.const 1)))
    (local.set $len (i32.sub (local.get $len) (i32.const 1)))
    (br $next))
  unreachable)

;; A host block with a copy of a range of the memory.
(func $block (param $ptr i32) (param $len i32) (result i64)
  (local $address i64) (local $i i32)
  (local.set $address (call $alloc (i64.extend_i32_u (local.get $len))))
  (block $end
    (loop $next
      (br_if $end (i32.ge_u (local.get $i) (local.get $len)))
      (call $store_u8
        (i64.add (local.get $address) (i64.extend_i32_u (local.get $i)))
        (i32.load8_u (i32.add (local.get $ptr) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
  (local.get $address))

;; Returns this decision.
(func $say (param $ptr i32) (param $len i32)
  (call $output_set (call $block (local.get $ptr) (local.get $len)) (i64.extend_i32_u (local.get $len))))

;; The decision {} and the number of the first check that failed, 0 if none did.
(func $done (result i32)
  (call $say (i32.const 0) (i32.const 2))
  (global.get $wrong))
