;; Log lines of two levels; control characters can't make a line of their own.
(data (i32.const 1024) "all is well")
(data (i32.const 1040) "a\0d\0ab\1b[31m")
(func (export "on_connect") (result i32)
  (call $log_info (call $block (i32.const 1024) (i32.const 11)))
  (call $log_warn (call $block (i32.const 1040) (i32.const 9)))
  (call $done))
