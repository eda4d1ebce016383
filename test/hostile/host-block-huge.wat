;; Asks for 2^63 octets of host memory in one block.
(func (export "on_message") (result i32)
  (drop (call $alloc (i64.const 0x8000000000000000)))
  (call $done))
