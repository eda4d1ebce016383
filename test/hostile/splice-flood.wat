;; Proposes edits without end: refused, not collected.
(func (export "on_message") (result i32) (local $i i32)
  (loop $more
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $more (i32.eqz (call $splice (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2)))))
  (call $is (local.get $i) (i32.const 10001))
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2)) (i32.const -4))
  (call $done))
