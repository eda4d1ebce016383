;; Returns what is not JSON.
(data (i32.const 1024) "not JSON at all")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 15))
  (i32.const 0))
