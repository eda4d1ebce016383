;; Tries the names that mean something to JavaScript.
(data (i32.const 1024) "{\22__proto__\22:{\22verdict\22:\22reject\22},\22constructor\22:1}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 50))
  (i32.const 0))
