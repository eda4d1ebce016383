;; Two splices over the same octets: each is possible, both are not.
(data (i32.const 1024) "xx")
(func (export "on_message") (result i32)
  (call $is (call $splice (i32.const 0) (i32.const 4) (i32.const 1024) (i32.const 2)) (i32.const 0))
  (call $is (call $splice (i32.const 2) (i32.const 4) (i32.const 1024) (i32.const 2)) (i32.const 0))
  (call $done))
