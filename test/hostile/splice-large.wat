;; Adds more than the 1,000 octets that it may.
(func (export "on_message") (result i32)
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 600)) (i32.const 0))
  (call $is (call $splice (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 600)) (i32.const -4))
  (unreachable))
