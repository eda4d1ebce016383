;; Says {} and sets an error: the error counts.
(data (i32.const 1024) "no database\0d\0aFAKE LINE")
(func (export "on_message") (result i32)
  (call $say (i32.const 0) (i32.const 2))
  (call $error_set (call $block (i32.const 1024) (i32.const 22)))
  (i32.const 0))
