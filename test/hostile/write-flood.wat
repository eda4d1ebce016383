;; Writes 1,024 pieces of 64 octets to standard output, again and again: each is a line, and counts.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (global (export "ocp_smtp_abi_1") i32 (i32.const 1))
  (memory (export "memory") 1)
  (func (export "on_message") (result i32) (local $i i32)
    (loop $fill
      (i32.store (i32.mul (local.get $i) (i32.const 8)) (i32.const 16384))
      (i32.store (i32.add (i32.mul (local.get $i) (i32.const 8)) (i32.const 4)) (i32.const 64))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))
    (loop $more
      (br_if $more (i32.eqz (call $write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 32768)))))
    (i32.const 0)))
