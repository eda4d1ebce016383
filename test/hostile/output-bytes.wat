;; Returns what is not UTF-8.
(data (i32.const 1024) "\22\ff\fe\22")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 4))
  (i32.const 0))
