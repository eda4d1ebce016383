;; Writes to a block of host memory that does not exist.
(func (export "on_message") (result i32)
  (call $store_u8 (i64.const 0x7fffffffffffffff) (i32.const 1))
  (call $done))
