;; Asks for -1 octets.
(func (export "on_message") (result i32)
  (drop (call $message_read (i32.const 0) (i32.const 1024) (i32.const -1)))
  (call $done))
