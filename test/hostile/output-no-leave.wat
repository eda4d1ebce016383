;; Changes the sender; the service has no allowModify.
(data (i32.const 1024) "{\22sender\22:\22eve@example.org\22}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 28))
  (i32.const 0))
