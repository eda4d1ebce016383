;; Returns a block that it has freed.
(func (export "on_message") (result i32) (local $at i64)
  (local.set $at (call $block (i32.const 0) (i32.const 2)))
  (call $free (local.get $at))
  (call $output_set (local.get $at) (i64.const 2))
  (i32.const 0))
