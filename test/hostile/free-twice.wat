;; Frees a block twice, the null block, and one that never was; the room that it gains by that is none.
(func (export "on_message") (result i32) (local $at i64) (local $i i32)
  (loop $more
    (local.set $at (call $alloc (i64.const 1000)))
    (call $free (local.get $at))
    (call $free (local.get $at))
    (call $free (i64.const 0))
    (call $free (i64.const -1))
    (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100))))
  (loop $fill (drop (call $alloc (i64.const 1000000))) (br $fill))
  unreachable)
