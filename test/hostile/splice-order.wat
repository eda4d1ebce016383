;; Splices out of order, the last one first: they are applied where they were meant to be.
(data (i32.const 1024) "Hi")
(data (i32.const 1030) "hello")
(data (i32.const 1040) "{}")
(func (export "on_message") (result i32)
  (call $is (call $splice (i32.const 41) (i32.const 2) (i32.const 1024) (i32.const 2)) (i32.const 0))
  (call $is (call $splice (i32.const 9) (i32.const 5) (i32.const 1030) (i32.const 5)) (i32.const 0))
  (call $is (call $splice (i32.const 0) (i32.const 0) (i32.const 1040) (i32.const 2)) (i32.const 0))
  (call $done))
