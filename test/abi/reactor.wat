;; A reactor's _initialize runs before the call; what one call keeps in its globals the next does not see.
(global $count (mut i32) (i32.const 0))
(func (export "_initialize") (global.set $count (i32.add (global.get $count) (i32.const 1))))
(func (export "on_connect") (result i32)
  (call $is (global.get $count) (i32.const 1))
  (global.set $count (i32.const 100))
  (i32.store (i32.const 4096) (i32.add (i32.load (i32.const 4096)) (i32.const 1)))
  (call $is (i32.load (i32.const 4096)) (i32.const 1))
  (call $done))
