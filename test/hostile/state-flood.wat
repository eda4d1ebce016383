;; Keeps ever more state: refused at 64 KiB.
(func (export "on_message") (result i32) (local $i i32)
  (loop $more
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (i32.store (i32.const 1024) (local.get $i))
    (br_if $more
      (i32.eqz (call $state_set (i32.const 1024) (i32.const 2) (i32.const 2048) (i32.const 1022)))))
  (call $is (local.get $i) (i32.const 65))
  (call $is (call $state_set (i32.const 1024) (i32.const 2) (i32.const 2048) (i32.const 1022)) (i32.const -4))
  (call $done))
