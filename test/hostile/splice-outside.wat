;; Splices that are not inside the message.
(func (export "on_message") (result i32)
  (call $is (call $splice (i32.const -1) (i32.const 0) (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $is (call $splice (call $message_size) (i32.const 1) (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $is (call $splice (i32.const 0) (i32.const -1) (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $is (call $splice (i32.const 0x7fffffff) (i32.const 0x7fffffff) (i32.const 1024) (i32.const 0)) (i32.const -1))
  (call $done))
