;; Rewrites a command value at a stage without one.
(data (i32.const 1024) "{\22rewrite\22:\22eve@example.org\22}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 29))
  (i32.const 0))
