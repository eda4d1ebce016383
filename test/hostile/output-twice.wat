;; Sets a decision, then none.
(func (export "on_message") (result i32)
  (call $say (i32.const 0) (i32.const 2))
  (call $output_set (i64.const 0) (i64.const 0))
  (i32.const 0))
