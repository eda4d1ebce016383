;; Puts a line of its own into the reply.
(data (i32.const 1024) "{\22verdict\22:\22reject\22,\22reply\22:{\22code\22:550,\22text\22:\22no\5cr\5cn250 OK\22}}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 63))
  (i32.const 0))
