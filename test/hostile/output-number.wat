;; A score that is no finite number.
(data (i32.const 1024) "{\22score\22:1e999}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 15))
  (i32.const 0))
