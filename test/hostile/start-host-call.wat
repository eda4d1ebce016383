;; Names memory in its start function, when there is none to be seen.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (global (export "ocp_smtp_abi_1") i32 (i32.const 1))
  (memory (export "memory") 1)
  (start $begin)
  (func $begin (drop (call $random (i32.const 0) (i32.const 16))))
  (func (export "on_message") (result i32) (i32.const 0)))
