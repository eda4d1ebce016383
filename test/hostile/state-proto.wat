;; Keeps state under the names that JavaScript's objects have, and asks for names that nobody has set.
(data (i32.const 1024) "__proto__constructor")
(func (export "on_message") (result i32)
  (call $is (call $state_get (i32.const 1033) (i32.const 11) (i32.const 2048) (i32.const 100)) (i32.const -2))
  (call $is (call $state_get (i32.const 1024) (i32.const 9) (i32.const 2048) (i32.const 100)) (i32.const -2))
  (call $is (call $state_set (i32.const 1024) (i32.const 9) (i32.const 0) (i32.const 2)) (i32.const 0))
  (call $is (call $state_get (i32.const 1024) (i32.const 9) (i32.const 2048) (i32.const 100)) (i32.const 2))
  (call $done))
