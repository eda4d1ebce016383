;; Rejects with a code that says 250.
(data (i32.const 1024) "{\22verdict\22:\22reject\22,\22reply\22:{\22code\22:250}}")
(func (export "on_message") (result i32) (call $say (i32.const 1024) (i32.const 41)) (i32.const 0))
