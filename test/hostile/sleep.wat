;; Sleeps for an hour, as WASI lets it.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (global (export "ocp_smtp_abi_1") i32 (i32.const 1))
  (memory (export "memory") 1)
  (func (export "on_message") (result i32)
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    (call $poll (i32.const 0) (i32.const 100) (i32.const 1) (i32.const 200))))
