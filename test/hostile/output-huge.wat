;; Returns a decision of 10 MB.
(func (export "on_message") (result i32)
  (call $output_set (call $alloc (i64.const 10000000)) (i64.const 10000000))
  (i32.const 0))
