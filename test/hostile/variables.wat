;; Keeps ever more variables of 64 KiB, and frees the blocks that they came from.
(func (export "on_message") (result i32) (local $i i32) (local $value i64)
  (loop $more
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (i32.store (i32.const 1024) (local.get $i))
    (local.set $value (call $alloc (i64.const 65536)))
    (call $var_set (call $block (i32.const 1024) (i32.const 4)) (local.get $value))
    (call $free (local.get $value))
    (br $more))
  unreachable)
