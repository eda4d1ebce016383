;; Returns a decision with a field that does not exist.
(data (i32.const 1024) "{\22verdict\22:\22accept\22,\22colour\22:\22red\22}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 35))
  (i32.const 0))
