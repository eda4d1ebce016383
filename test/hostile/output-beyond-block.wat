;; Returns more octets than its block of host memory has.
(func (export "on_message") (result i32)
  (call $output_set (call $alloc (i64.const 10)) (i64.const 4000))
  (i32.const 0))
