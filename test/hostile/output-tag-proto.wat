;; The same as names of tags, which may be any text.
(data (i32.const 1024) "{\22tags\22:{\22__proto__\22:\22x\22,\22constructor\22:\22y\22}}")
(func (export "on_message") (result i32)
  (call $say (i32.const 1024) (i32.const 44))
  (i32.const 0))
