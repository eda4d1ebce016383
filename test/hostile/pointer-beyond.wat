;; Has the message written past the end of its memory.
(func (export "on_message") (result i32)
  (drop (call $message_read (i32.const 0) (i32.const 65530) (i32.const 100)))
  (call $done))
