;; Decides about a recipient whom it was not told of.
(data (i32.const 1024) "{\22recipients\22:[{\22address\22:\22eve@example.com\22,\22verdict\22:\22reject\22}]}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 65))
  (i32.const 0))
